"""The terminal: what it can do, whether it echoes what is typed, and how to restore it."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

LEAVE_MODES = b"\x1b[?2026l\x1b[?2004l\x1b[?25h"
"""Leaves the modes that the program may have set, and shows the cursor."""

_kinds: list[str] = []
"""What `TERM` was before the terminal was treated as dumb."""
_settings_at_start: list[Any] = []
"""The terminal's settings, if standard input is a terminal."""


def is_dumb() -> bool:
    """Whether `TERM` names a terminal that understands no escape sequences, or none at all."""
    return os.environ.get("TERM") in (None, "", "dumb", "unknown")


def act_dumb() -> None:
    """Treat the terminal from now on as one that understands no escape sequences."""
    _kinds.append(os.environ.get("TERM", ""))
    os.environ["TERM"] = "dumb"


def child_environment() -> dict[str, str]:
    """Return the environment for another program, which may use all of the terminal."""
    return {**os.environ, **({"TERM": _kinds[0]} if _kinds else {})}


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
        _restore_settings(before)


@contextmanager
def echo_on() -> Iterator[None]:
    """Let the user type a line inside of `echo_off`, on a terminal.

    Keys typed before are dropped: they were not meant for what is asked now.
    """
    before = termios.tcgetattr(sys.stdin)
    if _settings_at_start:
        _restore_settings(_settings_at_start)
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    try:
        yield
    finally:
        _restore_settings(before)


def remember_terminal() -> None:
    """Keep the terminal's settings for `restore_terminal`, at the start of the program."""
    with suppress(termios.error):
        _settings_at_start[:] = termios.tcgetattr(0)


def get_settings_at_start() -> list[Any]:
    """Return the settings that `remember_terminal` found; none if there is no terminal."""
    return _settings_at_start


def find_output() -> str:
    """Return the path of the terminal that understands `LEAVE_MODES`; empty if there is none."""
    for descriptor in () if is_dumb() else (1, 2):
        with suppress(OSError):
            return os.ttyname(descriptor)
    return ""


def restore_terminal() -> None:
    """Restore the terminal as it was at the start, without waiting for it to take output."""
    if _settings_at_start:
        _restore_settings(_settings_at_start)
    if output := find_output():
        with suppress(OSError):
            terminal = os.open(output, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            os.write(terminal, LEAVE_MODES)


def _restore_settings(settings: list[Any]) -> None:
    if _is_in_background():
        return  # the shell has the terminal back, with settings of its own
    with suppress(termios.error):  # the terminal may be gone
        termios.tcsetattr(0, termios.TCSANOW, settings)


def _is_in_background() -> bool:
    with suppress(OSError):  # it is not the controlling terminal
        return os.tcgetpgrp(0) != os.getpgrp()
    return False
