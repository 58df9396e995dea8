"""What the commands of a chat work on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from prompt_toolkit.document import Document

from streamchat.agent.loader import AgentLoader
from streamchat.config import Settings
from streamchat.events import Event
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.threads import run_in_daemon_thread
from streamchat.repl.errors import CommandError
from streamchat.sessions.conversation import Conversation
from streamchat.sessions.records import Session, StoredTurn
from streamchat.sessions.replay import rebuild_events, replay
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import sanitize
from streamchat.turn import Turn, fold
from streamchat.view.choose import ViewOptions, choose_view

if TYPE_CHECKING:
    from streamchat.sessions.store import Store

SHOWN_AGAIN = 3
"""Turns that are shown when a session is taken up."""
_T = TypeVar("_T")


@dataclass
class Retry:
    """A question that is to be asked in place of the last one.

    Attributes:
        question: what to ask.
        instead_of: what it takes the place of.
        edit: whether the user edits it first.
    """

    question: str
    instead_of: StoredTurn
    edit: bool = False


@dataclass
class Chat:
    """The state of a chat.

    Attributes:
        engine: answers.
        conversation: what was said.
        settings: what a change of model starts from.
        redactor: keeps secrets out of what is shown and stored.
        look: how turns are shown.
        stops: the signals that stop an answer.
        interactive: whether somebody types.
        begun: what stands at the next prompt.
        again: what is to be asked instead of the last question.
        turn: the last one, if one was asked.
        sessions: those there were when they were last looked up, to complete their names.
        found: is called when something was looked up.
    """

    engine: AgentLoader
    conversation: Conversation
    settings: Settings
    redactor: Redactor
    look: ViewOptions
    stops: InterruptHandler
    interactive: bool
    begun: Document = field(default_factory=Document)
    again: Retry | None = None
    turn: Turn | None = None
    sessions: list[Session] = field(default_factory=list)
    found: Callable[[], None] = lambda: None
    _looked_up: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    @property
    def last(self) -> StoredTurn:
        """The last exchange.

        Raises:
            CommandError: nothing was asked yet.
        """
        if not self.conversation.turns:
            raise CommandError("nothing was asked yet")
        return self.conversation.turns[-1]

    @property
    def tokens(self) -> int:
        """How many tokens the session took, as far as servers told."""
        known = self.conversation.turns
        return sum((each.input_tokens or 0) + (each.output_tokens or 0) for each in known)

    async def last_turn(self) -> Turn:
        """Returns the last turn.

        Raises:
            CommandError: nothing was asked yet.
        """
        if self.turn is None:
            self.turn = fold(await self._events(self.last))
        return self.turn

    @property
    def store(self) -> Store:
        """Where sessions are kept.

        Raises:
            CommandError: they are not.
        """
        if self.conversation.store is None:
            raise CommandError("sessions are not kept here")
        return self.conversation.store

    def say(self, text: str) -> None:
        """Sanitize and print lines."""
        print(sanitize(text), flush=True)  # noqa: T201  # a REPL prints

    async def in_store(self, work: Callable[..., _T], *args: object) -> _T:
        """Returns what a method of the store returns, which may wait for the disk."""
        return await run_in_daemon_thread(work, *args)

    async def look_up_sessions(self) -> list[Session]:
        """Returns the sessions, the newest first."""
        self.sessions = await self.in_store(self.store.sessions, 50)
        return self.sessions

    def look_up(self, what: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Looks something up beside all else, for completion: once, whatever becomes of it."""
        if what.__name__ not in self._looked_up:
            self._looked_up[what.__name__] = asyncio.ensure_future(self._quiet(what()))

    async def _quiet(self, work: Coroutine[Any, Any, object]) -> None:
        with suppress(Exception):  # what cannot be looked up is not offered
            await work
            self.found()

    async def resume(self, session: Session) -> None:
        """Goes on with a session, and shows its last turns as they were."""
        exchanges = await self.in_store(self.store.turns, session.id)
        self.conversation.resume(session, exchanges)
        self.turn = None
        if self.interactive:
            await self.show_again()

    async def show_again(self) -> None:
        """Shows the last turns of a session that was taken up."""
        conversation = self.conversation
        before = len(conversation.turns[:-SHOWN_AGAIN])
        await self.show(conversation.turns[-SHOWN_AGAIN:], before=before)
        self.say(f"session {conversation.session_id}: {conversation.title or 'without a title'}")
        self.tell_left_out()

    async def show(self, exchanges: Iterable[StoredTurn], before: int = 0) -> None:
        """Shows turns as they were."""
        if before:
            turns = f"{before} earlier turn{'s' * (before != 1)}"
            self.say(f"({turns}: /history shows all)\n")
        for each in exchanges:
            events = await self._events(each)
            self.turn = replay(each.question, events, choose_view(self.look), sys.stdout)
            self.say("")

    async def _events(self, exchange: StoredTurn) -> list[Event]:
        if not exchange.id:
            return rebuild_events(exchange)
        return await self.in_store(self.store.events, exchange.id)

    def tell_left_out(self) -> None:
        """Tells which turns the model is not sent any more."""
        if count := self.conversation.left_out:
            turns = f"{count} answer{'s' * (count != 1)}"
            most = f"{self.conversation.history_budget:,} characters"
            self.say(f"(the model is not sent the oldest {turns}: over {most}; --max-history)")
