"""What the process itself needs: an event loop, and output that takes all text."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import warnings
from collections.abc import Coroutine
from typing import Any, TypeVar

from streamchat.process.signals import install_exit_handlers
from streamchat.process.streams import prepare_stdout
from streamchat.process.threads import DaemonExecutor
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import sanitize

_T = TypeVar("_T")


def freeze_imports() -> None:
    """From now on garbage is collected, but not looked for in the libraries.

    They stay to the end. Looking through them again and again would stop the stream for a tenth of
    a second each time.
    """
    gc.freeze()
    gc.enable()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Runs the one event loop of the program and returns what `main` returns."""
    with asyncio.Runner() as runner:
        # Looking up the name of a host must not outlast a time-out or Ctrl-C.
        runner.get_loop().set_default_executor(DaemonExecutor())
        result = runner.run(main)
    install_exit_handlers()  # the loop has taken the signals for itself
    return result


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
    """Formats records without the key, and without what a terminal would take for a command."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return sanitize(self._redactor.redact(super().format(record)))
