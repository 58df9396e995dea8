"""The event loop, garbage collection and logging of the process."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import warnings
from collections.abc import Coroutine
from typing import Any, TypeVar

from streamchat.process.signals import install_exit_handlers
from streamchat.process.stdio import prepare_stdout
from streamchat.process.threads import DaemonExecutor
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import sanitize

_T = TypeVar("_T")


def freeze_imports() -> None:
    """Turn garbage collection on, but exempt everything that exists so far.

    Imported libraries live as long as the process, and traversing them pauses the stream for a
    tenth of a second each time.
    """
    gc.freeze()
    gc.enable()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run the program's event loop, and return the result of `main`."""
    with asyncio.Runner() as runner:
        # A DNS lookup must not outlast a timeout or Ctrl-C.
        runner.get_loop().set_default_executor(DaemonExecutor())
        result = runner.run(main)
    install_exit_handlers()  # the loop has replaced them
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
    """Formats log records without secrets and control characters."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return sanitize(self._redactor.redact(super().format(record)))
