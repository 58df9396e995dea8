"""Signals that end the program: promptly, and with the terminal as it was before.

A signal that was ignored when the program started, as under nohup or in a background job of a
script, stays ignored.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from streamchat.process.deadline import EXIT_SIGNALS, spare_nobody
from streamchat.process.tty import is_dumb

TERMINATION_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
EXIT_INTERRUPTED = 128 + signal.SIGINT

_ignored_at_start = frozenset(
    number for number in EXIT_SIGNALS if signal.getsignal(number) == signal.SIG_IGN
)
_exiting = False


def install_exit_handlers() -> None:
    """Let signals raise SystemExit, so that cleanup runs before the program ends."""
    for number in EXIT_SIGNALS:
        install_default_handler(number)


def install_default_handler(number: int) -> None:
    """Handle the signal as the program does most of its time."""
    if number in _ignored_at_start:
        signal.signal(number, signal.SIG_IGN)
    else:
        signal.signal(number, _exit if number in EXIT_SIGNALS else signal.SIG_DFL)


def drop_ignored(*numbers: int) -> list[int]:
    """Return the signals without those that were ignored when the program started."""
    return [number for number in numbers if number not in _ignored_at_start]


def _exit(number: int, frame: FrameType | None) -> None:
    global _exiting
    ignore_terminal_stops()
    if not _exiting:  # a second exception would break off the cleanup
        _exiting = True
        spare_nobody()
        raise SystemExit(128 + number)


def ignore_terminal_stops() -> None:
    """Let the process use a terminal that belongs to another job: once stopped, it cannot end."""
    for number in (signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def exit_on_signal() -> Iterator[None]:
    """Let signals end the process at once, while there is nothing to clean up.

    An exception would not do: some libraries swallow those raised during import.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, _exit_at_once) for number in drop_ignored(*EXIT_SIGNALS)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_at_once(number: int, frame: FrameType | None) -> NoReturn:
    with suppress(OSError):
        if os.isatty(2):
            os.write(2, b"\n" if is_dumb() else b"\r\x1b[K")  # removes the spinner
    os._exit(128 + number)
