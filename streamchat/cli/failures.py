"""How a failure is told: one line on standard error, and nothing in it that is secret."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress

import typer

from streamchat.config import ModelError, SettingsError
from streamchat.events import TurnFailed, to_dict
from streamchat.process.streams import print_error, write_stderr
from streamchat.sessions import StoreError
from streamchat.text.redact import Redactor, redact_url_credentials
from streamchat.text.sanitize import one_line
from streamchat.view.jsonl import JsonLines

FAILED, WRONG_USAGE = 1, 2
redactor = Redactor()
"""Learns every secret of the process; whatever is shown, stored or logged goes through it."""


def explain(error: Exception) -> int:
    """Tells why a command failed, and returns the exit code."""
    match error:
        case typer.TyperException():
            return failed(f"{error.format_message()} (see --help)", WRONG_USAGE)
        case SettingsError():
            return failed(str(error), WRONG_USAGE)
        case ModelError() | StoreError():
            return failed(str(error))
        case OSError():
            return failed(f"cannot write the answer: {error.strerror or error}")
    if {"-v", "--verbose"} & set(sys.argv):
        lines = "".join(traceback.format_exception(error))
        write_stderr(_redact(lines))
    return failed(f"{type(error).__name__}: {error} (--verbose shows where)")


def failed(message: str, code: int = FAILED) -> int:
    """Tells that the program failed, and returns the exit code."""
    line = one_line(_redact(message), 290)
    print_error(f"error: {line}")
    if "--json" in sys.argv:
        with suppress(OSError):
            JsonLines(sys.stdout).write(to_dict(TurnFailed(line)))
    return code


def _redact(text: str) -> str:
    redactor.learn(os.environ.get("OPENAI_API_KEY", "").strip())
    return redact_url_credentials(redactor.redact(text))
