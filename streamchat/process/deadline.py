"""Ends the process if a signal has not ended it in time.

An orderly exit can get stuck: nobody reads the output, the terminal is stopped by Ctrl-S, a library
is busy. Then the main thread may not even learn of the signal.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from streamchat.process.tty import remember_terminal, restore_terminal

EXIT_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE = 1.2
"""Seconds that an orderly exit may take."""

_survives: dict[int, Callable[[float], bool]] = {}


def watch_signals() -> None:
    """From now on, end the process in a moment after each signal of EXIT_SIGNALS.

    The interpreter writes the number of each signal that has a handler to a pipe as soon as it
    arrives, whatever the main thread is doing.
    """
    remember_terminal()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    threading.Thread(target=_watch, args=[reader], daemon=True, name="signals").start()
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)


def spare(number: int, survives: Callable[[float], bool]) -> None:
    """Keep the process after this signal if it survives the signal.

    Args:
        number: the signal's.
        survives: is called in another thread with the seconds that it may take to find out.
    """
    _survives[number] = survives


def spare_nobody() -> None:
    """Let every signal end the process: it is about to end."""
    _survives.clear()


def _watch(reader: int) -> NoReturn:
    while True:
        for number in os.read(reader, 64):
            if number in EXIT_SIGNALS:
                threading.Thread(target=_enforce, args=[number], daemon=True).start()


def _enforce(number: int) -> None:
    time.sleep(_GRACE / 2)
    survives = _survives.get(number)
    if survives and survives(_GRACE / 2):
        return
    if not survives:
        time.sleep(_GRACE / 2)
    try:
        restore_terminal()
    finally:
        os._exit(128 + number)
