"""The event loop, garbage collection and logging of the process."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import warnings
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from types import FrameType
from typing import Any, TypeVar, TypeVarTuple

from streamchat.process.signals import (
    TERMINATION_SIGNALS,
    ignore_terminal_stops,
    install_default_handler,
    install_exit_handlers,
)
from streamchat.process.stdio import prepare_stdout
from streamchat.process.threads import DaemonExecutor
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import sanitize

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


def freeze_imports() -> None:
    """Turn garbage collection on, but exempt everything that exists so far.

    Imported libraries live as long as the process, and traversing them pauses the stream for a
    tenth of a second each time.
    """
    gc.freeze()
    gc.enable()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run the program's event loop, and return the result of `main`."""
    try:
        with asyncio.Runner(loop_factory=SignalLoop) as runner:
            # A DNS lookup must not outlast a timeout or Ctrl-C.
            runner.get_loop().set_default_executor(DaemonExecutor())
            return runner.run(main)
    finally:
        # prompt-toolkit may have left a handler of the loop behind.
        install_exit_handlers()


class SignalLoop(asyncio.SelectorEventLoop):
    """Handles signals without the interpreter's wakeup descriptor, which `deadline` reads.

    Unlike asyncio's own, its handlers do not keep a signal from interrupting a blocked write.
    """

    def __init__(self) -> None:
        super().__init__()
        # The name is asyncio's: prompt-toolkit looks here for the handler to restore, and `close`
        # for those to remove.
        self._signal_handlers: dict[int, asyncio.Handle] = {}

    def add_signal_handler(self, sig: int, callback: Callable[[*_Ts], object], *args: *_Ts) -> None:
        context = copy_context()

        def schedule(number: int, frame: FrameType | None) -> None:
            if number in TERMINATION_SIGNALS:
                ignore_terminal_stops()
            with suppress(RuntimeError):  # the loop is closed
                self.call_soon_threadsafe(callback, *args, context=context)

        self._signal_handlers[sig] = asyncio.Handle(callback, args, self, context)
        signal.signal(sig, schedule)

    def remove_signal_handler(self, sig: int) -> bool:
        if not self._signal_handlers.pop(sig, None):
            return False
        install_default_handler(sig)
        return True


def prepare_output(redactor: Redactor) -> None:
    """Set up standard output, and logging of our own records to standard error, redacted."""
    prepare_stdout()
    # Libraries log and warn about what an error message says better.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(redactor))
    ours = logging.getLogger("streamchat")
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    ours.propagate = False


class RedactingFormatter(logging.Formatter):
    """Formats log records without secrets and control characters."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return sanitize(self._redactor.redact(super().format(record)))
