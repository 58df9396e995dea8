"""The terminal: whether its cursor can be moved, and whether it echoes what is typed."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


def is_dumb() -> bool:
    """Whether `TERM` names a terminal that understands no escape sequences, or none at all."""
    return os.environ.get("TERM") in (None, "", "dumb", "unknown")


def can_repaint(stream: TextIO) -> bool:
    """Whether the stream is a terminal whose cursor can be moved."""
    return stream.isatty() and not is_dumb()


@contextmanager
def echo_off() -> Iterator[None]:
    """Keep the terminal from echoing keys into an answer; they stay queued for the next prompt."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    # NOFLSH: otherwise Ctrl-C discards the keys that are queued.
    # Enter stays a carriage return: as a line feed, the next prompt would take it for Ctrl-J.
    iflag, oflag, cflag, lflag, *rest = before
    quiet = [iflag & ~termios.ICRNL, oflag, cflag, lflag & ~termios.ECHO | termios.NOFLSH, *rest]
    # TCSANOW: a terminal stopped by Ctrl-S never drains its output.
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
