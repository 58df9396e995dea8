"""Runs `streamchat show`: a stream of events in any view."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from streamchat.events import LastEvent, TimedEvent, TurnCancelled, TurnStarted, get_type_name
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.lines import read_lines
from streamchat.process.runtime import run
from streamchat.process.signals import TERMINATION_SIGNALS
from streamchat.process.tty import can_repaint
from streamchat.turn import Turn, advance
from streamchat.view import View
from streamchat.view.choose import ViewOptions, choose_view
from streamchat.view.event_lines import EventsError, parse_line
from streamchat.view.outcome import report_outcome

STDIN = "-"


def show_events(name: str, options: ViewOptions) -> int:
    """Show the events in a file, or on standard input, turn by turn; return the exit code.

    Raises:
        EventsError: a line is no event, or there is none.
        OSError: the file cannot be read, or the output is gone.
    """
    interrupts = InterruptHandler(signal.SIGINT, *TERMINATION_SIGNALS, linger=True)
    with _open(name) as descriptor:
        return run(_run(name, descriptor, options, interrupts))


@contextmanager
def _open(name: str) -> Iterator[int]:
    if name == STDIN:
        yield sys.stdin.fileno()
        return
    with Path(name).open("rb", buffering=0) as file:
        yield file.fileno()


async def _run(
    name: str, descriptor: int, options: ViewOptions, interrupts: InterruptHandler
) -> int:
    showing = await interrupts.run(_show_turns(name, descriptor, options))
    if showing.cancelled():
        return 128 + interrupts.received
    return showing.result()


async def _show_turns(name: str, descriptor: int, options: ViewOptions) -> int:
    with _Shower(options) as shower:
        async with aclosing(read_lines(descriptor)) as lines:
            number = 0
            async for line in lines:
                number += 1
                try:
                    if line.strip():
                        shower.show(parse_line(line))
                except EventsError as error:
                    place = "" if name == STDIN else f" of {name}"
                    raise EventsError(f"line {number}{place}: {error}") from None
    if shower.turn is None:
        raise EventsError("there are no events to show")
    return 0 if shower.turn.status == "done" else 1


class _Shower:
    """Shows events that come one by one, each turn in a view of its own.

    Leaving the context ends a turn that is not over as interrupted.

    Attributes:
        turn: the last turn; None if there was none.
    """

    def __init__(self, options: ViewOptions) -> None:
        self.turn: Turn | None = None
        self._options = options
        self._view: View | None = None

    def show(self, timed: TimedEvent) -> None:
        """Show an event.

        Raises:
            EventsError: it does not fit the events before it.
            OSError: the output is gone.
        """
        if isinstance(timed.event, TurnStarted):
            self._cut_off()
        self._show(self._view or self._begin(), timed)
        if isinstance(timed.event, LastEvent):
            self._end()

    def _show(self, view: View, timed: TimedEvent) -> None:
        after = advance(self.turn or Turn(), timed)
        if after is None:
            raise EventsError(f"{get_type_name(type(timed.event))} of something that has not begun")
        self.turn = after
        view.show(after, timed.event)

    def _begin(self) -> View:
        if self.turn and can_repaint(sys.stdout) and not self._options.json:
            sys.stdout.write("\n")
            sys.stdout.flush()
        self.turn = Turn()
        self._view = choose_view(self._options)
        return self._view.__enter__()

    def _cut_off(self, *, quietly: bool = False) -> None:
        """End the turn, if there is one, as interrupted; say so on standard error, too."""
        if self._view and self.turn:
            at = self.turn.at
            self._show(self._view, TimedEvent(TurnCancelled((at or 0) / 1000), at))
            self._end(quietly=quietly)

    def _end(self, *, quietly: bool = False) -> None:
        self._leave()
        if self.turn and not quietly:
            report_outcome(self.turn, plain=self._options.plain)

    def _leave(self) -> None:
        view, self._view = self._view, None
        if view:
            view.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, EventsError) and self._options.json:
            self._leave()  # the error becomes the last event
        elif not isinstance(exc, OSError):
            self._cut_off(quietly=isinstance(exc, EventsError))
