"""Ways to show a turn: live on a terminal, in sentences, as tokens, as JSON, or the answer alone.

Each view is given the turn and its latest event, and writes what changed. Views must not know where
events come from: no agent, no model, no session; nor who chose them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from streamchat.events import Event
from streamchat.turn import Turn


class View(Protocol):
    """Shows a turn while it happens. Enter it before the first event, exit after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def show(self, turn: Turn, event: Event) -> None:
        """Show what the event changed. `turn` is the state after it.

        Raises:
            OSError: the output is gone.
        """
        ...

    def show_typed(self, queued: Sequence[str], text: str) -> None:
        """Show the messages that the user has queued, and the text typed since."""
        ...

    def suspend(self) -> None:
        """Stop the process until the shell resumes it."""
        ...


class TextView:
    """Base class of views that write lines: they have nothing to set up or to tear down."""

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

    def show_typed(self, queued: Sequence[str], text: str) -> None:
        return None

    def suspend(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
