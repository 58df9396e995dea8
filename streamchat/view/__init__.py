"""Views show a turn: each is one file with one verb, and knows no source."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from streamchat.events import Event
from streamchat.turn import Turn


class View(Protocol):
    """Shows a turn while it happens. Entered before its first event, left after its last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def show(self, turn: Turn, event: Event) -> None:
        """Shows what the event changed; `turn` is the state after it.

        Raises:
            OSError: the output is gone.
        """
        ...

    def typed(self, queued: Sequence[str], text: str) -> None:
        """Shows what the user has typed meanwhile: messages that are to be sent, and more text."""
        ...

    def suspend(self) -> None:
        """Stops the process, and goes on when the shell lets it."""
        ...


class TextView:
    """What views that write lines have in common: nothing to set up, nothing to tear down."""

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

    def typed(self, queued: Sequence[str], text: str) -> None:
        """Shows nothing of it."""

    def suspend(self) -> None:
        """Stops the process; there is nothing to put back before."""
        os.kill(os.getpid(), signal.SIGSTOP)
