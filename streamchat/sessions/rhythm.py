"""The rhythm in which recorded events are played: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

from streamchat.events import TimedEvent

EVEN = 40
"""Milliseconds between two events whose times are unknown."""


def lacks_times(events: Iterable[TimedEvent]) -> bool:
    """Whether an event's time is unknown, so that the rhythm is partly made up."""
    return any(each.at is None for each in events)


def schedule(times: Sequence[int | None], max_pause: float | None = None) -> list[float]:
    """Return when each event is due, in seconds since playing began.

    Args:
        times: when the events came, in milliseconds since the turn's start; None if unknown.
        max_pause: the longest pause between two events, in seconds.
    """
    steps = [_find_step(before, after) / 1000 for before, after in pairwise([0, *times])]
    longest = float("inf") if max_pause is None else max_pause
    return list(accumulate(min(step, longest) for step in steps))


def _find_step(before: int | None, after: int | None) -> int:
    if before is None or after is None:
        return EVEN
    return max(after - before, 0)  # a file may have been edited
