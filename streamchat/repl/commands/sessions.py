"""Sessions: those there are, and the present one."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from streamchat.repl.chat import Chat
from streamchat.repl.completion import paths
from streamchat.repl.errors import CommandError
from streamchat.repl.registry import command
from streamchat.sessions.listing import show_sessions
from streamchat.sessions.transcript import export
from streamchat.text.sanitize import one_line


def _ids(chat: Chat, begun: str) -> Iterable[tuple[str, str]]:
    chat.look_up(chat.look_up_sessions)
    return [(each.id, each.title) for each in chat.sessions]


def _numbers(chat: Chat, begun: str) -> Iterable[tuple[str, str]]:
    return [(str(each.number), each.question) for each in chat.conversation.turns]


@command(
    "/branch [N]",
    "go on from turn N, or from here, as a new session",
    more="The session before stays as it is. /usage shows the numbers of the turns.",
    completer=_numbers,
)
async def branch(chat: Chat, number: str) -> None:
    """Goes on from an earlier turn as a new session."""
    conversation = chat.conversation
    known = [each.number for each in conversation.turns]
    upto = chat.last.number if not number else int(number) if number.isdecimal() else 0
    if upto not in known:
        raise CommandError(
            f"there is no turn {one_line(number, 20)}: there are {known[0]} to {known[-1]}"
        )
    if not conversation.session_id:
        raise CommandError("the session is not kept, so nothing can go on from it")
    store = chat.store
    # Another chat may have gone on with the session, too.
    id = next(each.id for each in conversation.turns if each.number == upto)
    there = await chat.in_store(store.turns, conversation.session_id)
    numbers = [each.number for each in there if each.id == id]
    if not numbers:
        raise CommandError(f"turn {upto} is no longer kept")
    made = await chat.in_store(store.branch, conversation.session_id, numbers[0])
    session = await chat.in_store(store.find, made)
    conversation.resume(session, await chat.in_store(store.turns, made))
    chat.turn = None
    chat.say(f"session {made}, with {upto} turn{'s' * (upto != 1)} of {session.parent}")


@command("/sessions", "list the sessions")
async def sessions(chat: Chat, _: str) -> None:
    """Lists the sessions."""
    show_sessions(await chat.look_up_sessions(), sys.stdout)


@command(
    "/resume ID",
    "go on with another session: its ID, or how that begins",
    completer=_ids,
)
async def resume(chat: Chat, prefix: str) -> None:
    """Goes on with another session."""
    if not prefix:
        raise CommandError("/resume needs the ID of a session: /sessions lists them")
    await chat.resume(await chat.in_store(chat.store.find, prefix))


@command("/title [TEXT]", "show or set the session's title")
async def title(chat: Chat, text: str) -> None:
    """Shows or sets the title."""
    id = chat.conversation.session_id
    if not id:
        raise CommandError("nothing is kept of this session yet")
    if text:
        await chat.in_store(chat.store.set_title, id, chat.redactor.redact(text))
    session = await chat.in_store(chat.store.find, id)
    chat.say(session.title)


def _files(chat: Chat, begun: str) -> Iterable[tuple[str, str]]:
    return paths(begun)


@command(
    "/export [FILE]",
    "write the session to a file: Markdown, or JSON if its name ends in .json",
    more="Without a name it is streamchat-ID.md. A file that is there is not written over.",
    completer=_files,
)
async def export_(chat: Chat, name: str) -> None:
    """Writes the session to a file."""
    id = chat.conversation.session_id
    if not id:
        raise CommandError("nothing is kept of this session yet")
    store = chat.store
    session = await chat.in_store(store.find, id)
    exchanges = await chat.in_store(store.turns, id)
    told = [(each, await chat.in_store(store.events, each.id)) for each in exchanges]
    name = name or f"streamchat-{id}.md"
    text = export(session, told, as_json=name.endswith(".json"))
    await chat.in_store(_write, Path(name), text)
    chat.say(f"written to {name}")


def _write(path: Path, text: str) -> None:
    try:
        with path.expanduser().open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except (OSError, RuntimeError) as error:
        raise CommandError(f"{path}: {getattr(error, 'strerror', error)}") from None


@command("/clear", "forget the conversation and begin a new session; the one before is kept")
async def clear(chat: Chat, _: str) -> None:
    """Begins a new session."""
    kept = chat.conversation.session_id
    chat.conversation.start_new()
    chat.turn = None
    chat.say(
        "the conversation is forgotten" + (f"; /resume {kept} goes on with it" if kept else "")
    )
