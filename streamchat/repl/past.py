"""Shows turns that are over: those of a resumed session, or of /history."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from streamchat.models import check
from streamchat.repl.chat import Chat
from streamchat.repl.errors import CommandError
from streamchat.sessions.opening import restore_model
from streamchat.sessions.records import Session, StoredTurn
from streamchat.sessions.replay import replay
from streamchat.turn import Turn, fold
from streamchat.view.choose import choose_view

SHOWN_TURNS = 3
"""How many turns of a resumed session are shown."""


async def resume_session(chat: Chat, session: Session) -> None:
    """Continue a session, and show its last turns."""
    await chat.conversation.leave()
    turns = await chat.in_store(chat.store.turns, session.id)
    chat.conversation.resume(session, turns)
    chat.forget_turn()
    if chat.interactive:
        await show_resumed(chat)
    if not chat.model_chosen:
        await _restore_model(chat)


async def _restore_model(chat: Chat) -> None:
    settings = restore_model(chat.settings, chat.conversation)
    if settings != chat.settings:
        check(settings)
        await chat.models.change_to(settings)
        chat.settings = settings
    chat.print_warnings()


async def show_resumed(chat: Chat) -> None:
    """Show the last turns of the session that was resumed, and its title."""
    conversation = chat.conversation
    earlier = len(conversation.turns[:-SHOWN_TURNS])
    if earlier:
        chat.say(f"{earlier} earlier turn{'s' * (earlier != 1)}. /history shows them all.")
        chat.say("")
    await show_turns(chat, conversation.turns[-SHOWN_TURNS:])
    if conversation.turns:
        chat.say("")
    title = f": {conversation.title}" if conversation.title else ""
    chat.say(f"Session {conversation.session_id}{title}")
    report_left_out(chat)


async def show_turns(chat: Chat, turns: Iterable[StoredTurn]) -> None:
    """Show turns the way they looked when they happened, with empty lines between them."""
    for at, each in enumerate(turns):
        if at:
            chat.say("")
        events = await chat.conversation.load_events(each)
        question = chat.redactor.redact(each.question)
        view = choose_view(chat.options)
        chat.keep_turn(replay(question, events, view, sys.stdout, plain=chat.options.plain))


def offer_turns(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    """Return the numbers of the turns, and their questions, for completion."""
    redact = chat.redactor.redact
    return [(str(each.number), redact(each.question)) for each in chat.conversation.turns]


def find_turn(chat: Chat, number: str) -> StoredTurn:
    """Return the turn with this number; the last one for an empty text.

    Raises:
        CommandError: there is no such turn.
    """
    last = chat.last
    known = {str(each.number): each for each in chat.conversation.turns}
    turn = known.get(str(int(number))) if number else last
    if turn is None:
        first = chat.conversation.turns[0].number
        raise CommandError(f"No turn {int(number)}. Turns run from {first} to {last.number}.")
    return turn


async def load_last_turn(chat: Chat) -> Turn:
    """Return the last turn.

    Raises:
        CommandError: there is none.
    """
    if chat.turn is None:
        events = await chat.conversation.load_events(chat.last)
        chat.keep_turn(fold(each.event for each in events))
    assert chat.turn
    return chat.turn


def report_left_out(chat: Chat) -> None:
    """Say how many answers are no longer sent to the model."""
    if count := chat.conversation.left_out:
        oldest = "The oldest answer is" if count == 1 else f"The {count} oldest answers are"
        budget = f"{chat.conversation.history_budget:,} characters"
        chat.say(f"{oldest} not sent to the model: the limit is {budget} (--max-history)")
