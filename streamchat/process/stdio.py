"""Standard output, set up for answers, and messages on standard error."""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import suppress

from streamchat.text.sanitize import SafeText, one_line

_stdout = 1
"""The file descriptor of standard output."""


def prepare_stdout() -> None:
    """Write UTF-8 to a pipe whatever the locale, and to a terminal what it can show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8", newline="")


def reserve_stdout() -> None:
    """Keep a pipe or file at standard output for answers.

    Child processes and libraries, which write past `sys.stdout`, write to standard error instead.
    """
    global _stdout
    if not isinstance(sys.stdout, io.TextIOWrapper) or sys.stdout.isatty():
        return
    with suppress(OSError):  # there may be no standard error
        os.fstat(2)
        if sys.stdout.fileno() != _stdout:
            return
        sys.stdout.flush()
        encoding, errors = sys.stdout.encoding, sys.stdout.errors
        reserved = os.dup(_stdout)
        os.dup2(2, _stdout)
        sys.stdout = os.fdopen(reserved, "w", encoding=encoding, errors=errors, newline="")
        _stdout = reserved


def prepare_stdin() -> None:
    """Read UTF-8 from a pipe whatever the locale; a byte that is not UTF-8 becomes a surrogate."""
    if isinstance(sys.stdin, io.TextIOWrapper) and not sys.stdin.isatty():
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")


def print_error(message: str) -> None:
    """Write a message on standard error, as one line of at most 300 characters."""
    write_stderr(one_line(message))


def write_stderr(text: SafeText, end: str = "\n") -> None:
    """Write text and, unless told otherwise, a line end on standard error.

    A closed or full standard error is not an error: the answer does not depend on it.
    """
    with suppress(OSError):
        print(text, end=end, file=sys.stderr, flush=True)  # noqa: T201  # the one place for it


def is_output_stuck() -> bool:
    """Whether a write to standard output or standard error would block now."""
    with suppress(OSError):
        return len(select.select([], [_stdout, 2], [], 0)[1]) < 2
    return False
