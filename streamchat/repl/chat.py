"""The state that the commands of a chat work on."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from prompt_toolkit.document import Document

from streamchat.agent.background import Loader
from streamchat.agent.loader import AgentLoader
from streamchat.agent.source import Source
from streamchat.config import Settings
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.stdio import print_error
from streamchat.process.styles import Style
from streamchat.process.threads import run_in_daemon_thread
from streamchat.process.tty import can_repaint
from streamchat.repl.errors import CommandError
from streamchat.repl.lines import Lines
from streamchat.repl.lookups import Lookups
from streamchat.repl.pastes import Pastes
from streamchat.sessions.conversation import Conversation
from streamchat.sessions.records import Session, StoredTurn
from streamchat.sessions.replay import format_question
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import SafeText, sanitize
from streamchat.turn import Turn
from streamchat.view.choose import ViewOptions
from streamchat.view.glyphs import choose_prompt

if TYPE_CHECKING:
    from streamchat.sessions.store import Store

_T = TypeVar("_T")
_NO_LIMIT = 10_000


@dataclass
class Retry:
    """A question to ask in place of an earlier one.

    Attributes:
        question: what to ask.
        replacing: the turn it replaces.
        edit: whether the user edits it first.
    """

    question: str
    replacing: StoredTurn
    edit: bool = False


@dataclass
class Chat:
    """The state of a chat.

    Attributes:
        loader: loads the agent, which answers.
        conversation: the turns so far.
        settings: the basis for a change of model.
        redactor: keeps secrets out of what is shown and stored.
        options: how turns are shown.
        interrupts: the signals that stop an answer.
        interactive: whether a user types, rather than a script.
        draft: the text at the next prompt.
        queue: messages to send before the prompt returns.
        returned: messages that were not sent, for the next prompts to start with.
        retry: the question that the next message replaces.
        turn: the last turn, if it was shown.
        context_tokens: what the last request took of the model's context, as far as is known.
        failed: whether any turn or command has failed.
        watches: whether to load the agent anew when one of its files is saved.
        model_chosen: whether the user chose the model, so that a resumed session keeps it.
        sessions: the sessions when they were last listed.
        lookups: run in the background, for completion.
        pastes: what is folded at the prompt.
        lines: standard input, if no user types.
        traceback: the frames of the user's own code in its last failure; empty if it never failed.
    """

    loader: Loader[Source]
    conversation: Conversation
    settings: Settings
    redactor: Redactor
    options: ViewOptions
    interrupts: InterruptHandler
    interactive: bool
    draft: Document = field(default_factory=Document)
    queue: list[str] = field(default_factory=list)
    returned: list[Document] = field(default_factory=list)
    retry: Retry | None = None
    turn: Turn | None = None
    context_tokens: int | None = None
    failed: bool = False
    watches: bool = False
    model_chosen: bool = False
    sessions: list[Session] = field(default_factory=list)
    lookups: Lookups = field(default_factory=Lookups)
    pastes: Pastes = field(default_factory=Pastes)
    lines: Lines = field(default_factory=Lines)
    traceback: str = ""

    @property
    def last(self) -> StoredTurn:
        """The last turn.

        Raises:
            CommandError: there is none.
        """
        if not self.conversation.turns:
            raise CommandError("No questions yet")
        return self.conversation.turns[-1]

    @property
    def models(self) -> AgentLoader:
        """The loader of streamchat's own agent, which may have any model.

        Raises:
            CommandError: the user's agent answers.
        """
        if isinstance(self.loader, AgentLoader):
            return self.loader
        raise CommandError(f"{self.loader.name} has its own model and instructions")

    @property
    def store(self) -> Store:
        """The store.

        Raises:
            CommandError: the chat has none.
        """
        if self.conversation.store is None:
            raise CommandError("Sessions are not saved in this chat")
        return self.conversation.store

    @property
    def is_plain(self) -> bool:
        """Whether the output is read out or scrolls by, and is not looked at on a screen."""
        return self.options.plain or not (self.interactive and can_repaint(sys.stdout))

    @property
    def columns(self) -> int:
        """The columns that a line may take."""
        return shutil.get_terminal_size().columns if self.interactive else _NO_LIMIT

    def say(self, text: str, style: Style | None = None) -> None:
        """Print lines, redacted and sanitized, in a style if they are looked at."""
        safe = sanitize(self.redactor.redact(text))
        self.write(style(safe, sys.stdout) if style and not self.is_plain else safe)

    def write(self, text: SafeText) -> None:
        """Print lines as they are."""
        print(text, flush=True)  # noqa: T201  # a REPL prints

    def separate(self) -> None:
        """Print an empty line where it helps the eye; a screen reader would read it out."""
        if not self.is_plain:
            self.say("")

    def repeat_question(self, question: str) -> None:
        """Print a question that is asked now as it would look at the prompt."""
        self.say_question(self.pastes.show(self.pastes.refold(question)))

    def say_question(self, question: str) -> None:
        """Print a question after the prompt's mark."""
        self.say(format_question(question, choose_prompt(sys.stdout, plain=self.options.plain)))

    def print_warnings(self) -> None:
        for line in self.conversation.take_warnings():
            print_error(line)

    def keep_turn(self, turn: Turn) -> None:
        """Take a turn that was shown for the last one."""
        self.turn = turn
        if turn.context_tokens is not None:
            self.context_tokens = turn.context_tokens

    def forget_turn(self) -> None:
        """The last turn is another one than was shown."""
        self.turn = self.context_tokens = None

    def restore(self, line: str, retry: Retry | None = None) -> None:
        """Put a line that could not be used, and the queue, back at the prompt one by one."""
        self.retry = retry
        texts = filter(None, [line.rstrip("\n"), *self.queue, self.draft.text])
        self.returned = [*map(Document, map(self.pastes.refold, texts)), *self.returned]
        self.queue, self.draft = [], Document()

    def take_draft(self) -> Document:
        """Return the text that the next prompt starts with."""
        draft, self.draft = self.draft, Document()
        return draft if draft.text or not self.returned else self.returned.pop(0)

    async def in_store(self, method: Callable[..., _T], *args: object) -> _T:
        """Call a method of the store, which may wait for the disk, without blocking the loop."""
        return await run_in_daemon_thread(method, *args)

    async def list_sessions(self) -> list[Session]:
        """Return the sessions, the most recent first."""
        self.sessions = await self.in_store(self.store.sessions, 50)
        return self.sessions
