"""What a server reports while one of its tools works, as lines of output."""

from __future__ import annotations

import time
from collections.abc import Callable

from streamchat.text.sanitize import one_line

Show = Callable[[str], None]
"""Takes a line."""

_PAUSE = 0.2
"""Seconds between two lines; what comes between is left out."""
_LONGEST = 300


class Progress:
    """Receives the reports of one call, as the SDK calls it."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._shown_at = 0.0

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        now = time.monotonic()
        if now - self._shown_at >= _PAUSE:
            self._shown_at = now
            self._show(_describe(progress, total, message))


def _describe(done: float, total: float | None, message: str | None) -> str:
    if message:
        return one_line(message, _LONGEST)
    return f"{done:g} of {total:g}" if total else f"{done:g}"
