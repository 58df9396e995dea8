"""List, switch, title and export sessions."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from streamchat.repl.chat import Chat
from streamchat.repl.completion import complete_path
from streamchat.repl.errors import CommandError
from streamchat.repl.past import find_turn, offer_turns, resume_session
from streamchat.repl.registry import command
from streamchat.sessions.listing import show_sessions
from streamchat.sessions.transcript import export


def _offer_ids(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    chat.lookups.start(chat.list_sessions)
    return [(each.id, each.title) for each in chat.sessions]


@command(
    "/branch [N]",
    "start a new session from turn N, or from the last turn",
    group="Sessions",
    more="The current session stays as it is. /usage shows the turn numbers.",
    completer=offer_turns,
)
async def branch(chat: Chat, number: str) -> None:
    conversation, upto = chat.conversation, find_turn(chat, number).number
    if not await conversation.save_missing() or not conversation.session_id:
        raise CommandError("The session is not saved, so it cannot be branched")
    store = chat.store
    # Another chat may have continued the session.
    id = next(each.id for each in conversation.turns if each.number == upto)
    there = await chat.in_store(store.turns, conversation.session_id)
    numbers = [each.number for each in there if each.id == id]
    if not numbers:
        raise CommandError(f"Turn {upto} is no longer in the session")
    branch_id = await chat.in_store(store.branch, conversation.session_id, numbers[0])
    session = await chat.in_store(store.find, branch_id)
    conversation.resume(session, await chat.in_store(store.turns, branch_id))
    chat.forget_turn()
    chat.say(f"New session {branch_id} with {upto} turn{'s' * (upto != 1)} of {session.parent}")


@command("/sessions", "list the sessions", group="Sessions")
async def sessions(chat: Chat, _: str) -> None:
    show_sessions(await chat.list_sessions(), sys.stdout)


@command(
    "/resume ID",
    "resume a session by ID or ID prefix",
    group="Sessions",
    completer=_offer_ids,
)
async def resume(chat: Chat, prefix: str) -> None:
    if not prefix:
        raise CommandError("/resume needs a session ID. /sessions lists them.")
    await resume_session(chat, await chat.in_store(chat.store.find, prefix))


@command("/title [TEXT]", "show or set the session's title", group="Sessions")
async def title(chat: Chat, text: str) -> None:
    id = chat.conversation.session_id
    if not id:
        raise CommandError("This session has no saved turns yet")
    if text:
        await chat.in_store(chat.store.set_title, id, chat.redactor.redact(text))
    session = await chat.in_store(chat.store.find, id)
    chat.say(session.title)


def _offer_files(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    return complete_path(typed)


@command(
    "/export [FILE]",
    "export the session as Markdown, or as JSON if FILE ends in .json",
    group="Sessions",
    more="FILE defaults to streamchat-ID.md. An existing file is not overwritten.",
    completer=_offer_files,
)
async def export_(chat: Chat, name: str) -> None:
    id = chat.conversation.session_id
    if not id:
        raise CommandError("This session has no saved turns yet")
    store = chat.store
    session = await chat.in_store(store.find, id)
    stored = await chat.in_store(store.turns, id)
    turns = [(each, await chat.in_store(store.timed_events, each.id)) for each in stored]
    name = name or f"streamchat-{id}.md"
    text = export(session, turns, as_json=name.endswith(".json"))
    await chat.in_store(_write, Path(name), text)
    chat.say(f"Exported to {name}")


def _write(path: Path, text: str) -> None:
    try:
        with path.expanduser().open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except (OSError, RuntimeError, ValueError) as error:  # an impossible name, or an unknown user
        raise CommandError(f"{path}: {getattr(error, 'strerror', error)}") from None


@command("/clear", "start a new session; the current one stays saved", group="Sessions")
async def clear(chat: Chat, _: str) -> None:
    await chat.conversation.leave()
    old = chat.conversation.session_id
    chat.conversation.start_new()
    chat.forget_turn()
    chat.say("New session" + (f". /resume {old} returns to the old one" if old else ""))
