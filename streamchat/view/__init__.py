"""Ways to show a turn: live on a terminal, in sentences, as tokens, as JSON, or the answer alone.

A view receives the turn and its latest event, and writes what changed. It never knows where events
come from: nothing here imports an agent, a model or a session.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Protocol, Self

from streamchat.events import Event
from streamchat.turn import Turn
from streamchat.view.progress import show_progress
from streamchat.view.question import KeyQuestion


class View(Protocol):
    """Shows a turn as it happens. Enter it before the first event, and exit it after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def wait(self, describe: Callable[[], str]) -> AbstractContextManager[object]:
        """Show what the turn waits for, in a few words, before the view is entered."""
        ...

    def show(self, turn: Turn, event: Event) -> None:
        """Show what the event changed; `turn` is the state after it.

        Raises:
            OSError: the output is gone.
        """
        ...

    def show_typed(self, queued: Sequence[str], text: str) -> None:
        """Show the user's queued messages, oldest first, and the text typed since."""
        ...

    def show_hint(self, hint: str) -> None:
        """Show a few words below the turn until the next call, where text can be erased again."""
        ...

    def show_question(self, question: KeyQuestion | None) -> bool:
        """Show a question, or no longer any, and return whether the terminal shows it already.

        If not, because it is slow, call this again.
        """
        ...

    def suspend(self) -> None:
        """Stop the process until the shell resumes it."""
        ...

    def pause(self) -> AbstractContextManager[None]:
        """Leave the terminal to somebody else meanwhile; nothing is shown in this context."""
        ...


class TextView:
    """Base class for views that only append text: they have nothing to set up or tear down."""

    _announced_messages = 0
    _announced_question: KeyQuestion | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        return None

    def wait(self, describe: Callable[[], str]) -> AbstractContextManager[object]:
        return show_progress(describe())

    def show_typed(self, queued: Sequence[str], text: str) -> None:
        for message in queued[self._announced_messages :]:
            self.announce_queued(message)
        self._announced_messages = len(queued)

    def show_hint(self, hint: str) -> None:
        return None

    def announce_queued(self, message: str) -> None:
        """Tell the user that a message is queued; called once for each. The default is silence."""

    def show_question(self, question: KeyQuestion | None) -> bool:
        if question and question != self._announced_question:
            self.announce_question(question)
        self._announced_question = question
        return True

    def announce_question(self, question: KeyQuestion) -> None:
        """Tell the user that something is asked; called once. The default is silence."""

    def suspend(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def pause(self) -> AbstractContextManager[None]:
        return nullcontext()


class ForwardingView:
    """Base class for views that add to another view, to which they forward every call."""

    def __init__(self, inner: View) -> None:
        self._inner = inner

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._inner.__exit__(exc_type, exc, traceback)

    def wait(self, describe: Callable[[], str]) -> AbstractContextManager[object]:
        return self._inner.wait(describe)

    def show(self, turn: Turn, event: Event) -> None:
        self._inner.show(turn, event)

    def show_typed(self, queued: Sequence[str], text: str) -> None:
        self._inner.show_typed(queued, text)

    def show_hint(self, hint: str) -> None:
        self._inner.show_hint(hint)

    def show_question(self, question: KeyQuestion | None) -> bool:
        return self._inner.show_question(question)

    def suspend(self) -> None:
        self._inner.suspend()

    def pause(self) -> AbstractContextManager[None]:
        return self._inner.pause()
