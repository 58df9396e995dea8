"""Plays a turn again, in its own rhythm, under the user's control."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from streamchat.events import TimedEvent
from streamchat.sessions.playhead import Playhead
from streamchat.sessions.rhythm import schedule
from streamchat.turn import Turn, advance
from streamchat.view import TextView, View

GAP = 1.0
"""Seconds between two turns."""
_INSTANT = 1e-6
"""Seconds that are not worth a wait: rounding leaves such."""
_SHOWN = 1.5
"""Seconds for which a new speed is shown."""


class Player:
    """Plays one turn after another. Needs a running event loop, whose time is the clock.

    Args:
        speed: how much faster than it happened.
        max_pause: the longest pause between two events, in seconds at the recorded speed.

    Attributes:
        left: whether the user wants no more.
    """

    def __init__(self, speed: float = 1.0, max_pause: float | None = None) -> None:
        self.left = False
        self._max_pause = max_pause
        self._loop = asyncio.get_running_loop()
        self._head = Playhead(self._loop.time, speed)
        self._steps = 0
        """How many events to show without waiting."""
        self._pressed = asyncio.Event()
        self._view: View | None = None
        self._shown: asyncio.TimerHandle | None = None

    def read_clock(self) -> float:
        """Return the seconds played: a clock for views, which stands still during a pause."""
        return self._head.position

    async def play(self, events: Sequence[TimedEvent], view: View) -> Turn:
        """Play a turn into a view, and return the turn as far as it was shown.

        Raises:
            OSError: the output is gone.
        """
        turn, begin = Turn(), self._head.position
        due = schedule([each.at for each in events], self._max_pause)
        with view:
            self._view = view
            if self._head.stopped:
                self._report()
            try:
                for at, timed in zip(due, events, strict=True):
                    await self._wait_until(begin + at)
                    if self.left:
                        break
                    if after := advance(turn, timed):
                        turn = after
                        view.show(turn, timed.event)
            finally:
                self._view = None
        return turn

    async def wait(self, seconds: float) -> None:
        """Let some time pass between two turns; a pause is for the next one to show."""
        if self._max_pause is not None:
            seconds = min(seconds, self._max_pause)
        await self._wait_until(self._head.position + seconds)

    async def _wait_until(self, position: float) -> None:
        await asyncio.sleep(0)  # events that came together must not keep keys waiting
        while not self._is_cut_short() and self._head.measure(position) > _INSTANT:
            self._pressed.clear()
            waiting = None if self._head.stopped else self._head.measure(position)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._pressed.wait(), waiting)
        if self._steps:
            self._steps -= 1
            self._head.jump(position)

    def _is_cut_short(self) -> bool:
        is_between = self._view is None
        return self.left or self._steps > 0 or (is_between and self._head.stopped)

    def pause(self) -> None:
        """Stop playing, or go on."""
        self._head.stopped = not self._head.stopped
        self._report()

    def step(self) -> None:
        """Show the next event now."""
        self._steps += 1
        self._pressed.set()

    def change_speed(self, factor: float) -> None:
        self._head.speed *= factor
        self._report()

    def leave(self) -> None:
        """Play no more."""
        self.left = True
        self._pressed.set()

    def suspend(self) -> None:
        """Stop the process until the shell resumes it; no time passes for the recording."""
        before, self._head.stopped = self._head.stopped, True
        (self._view or TextView()).suspend()
        self._head.stopped = before

    def _report(self) -> None:
        """Say what a key has changed: a pause until it ends, a speed for a moment."""
        self._pressed.set()
        if self._shown:
            self._shown.cancel()
        speed = f"speed {self._head.speed:g}"
        self._show_hint(f"paused, {speed}" if self._head.stopped else speed)
        if not self._head.stopped:
            self._shown = self._loop.call_later(_SHOWN, self._show_hint, "")

    def _show_hint(self, hint: str) -> None:
        if self._view:
            self._view.show_hint(hint)
