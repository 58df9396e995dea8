"""The terminal: whether its cursor can be moved, and whether it echoes what is typed."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


def can_repaint(stream: TextIO) -> bool:
    """Whether the stream is a terminal whose cursor can be moved: not a pipe, not a dumb one."""
    return stream.isatty() and os.environ.get("TERM") not in (None, "", "dumb", "unknown")


@contextmanager
def echo_off() -> Iterator[None]:
    """What is typed meanwhile is kept for the next prompt, but not shown amid an answer."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    # Without the last flag the terminal would drop it when Ctrl-C is pressed.
    quiet = [*before[:3], before[3] & ~termios.ECHO | termios.NOFLSH, *before[4:]]
    # At once: a terminal that Ctrl-S has stopped never takes what is still to be written.
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with suppress(termios.error):  # it may be gone
            termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
