"""Reports failures: one redacted line on standard error, and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress

import typer

from streamchat.agent.target.errors import TargetError
from streamchat.config import OPENAI_KEY, ModelError, SettingsError
from streamchat.events import TurnFailed, to_dict
from streamchat.process.stdio import write_stderr
from streamchat.serve import ServeError
from streamchat.sessions import StoreError
from streamchat.text.redact import Redactor, redact_url_credentials
from streamchat.text.sanitize import one_line, sanitize
from streamchat.view.event_lines import EventsError
from streamchat.view.jsonl import JsonLines
from streamchat.view.outcome import report_failure

FAILED, WRONG_USAGE = 1, 2
_MOST_SHOWN = 290
"""Characters of a message: with `error: ` before it, a line has at most 300."""
redactor = Redactor()
"""Learns every secret of the process; whatever is shown, stored or logged goes through it."""


def explain(error: Exception) -> int:
    """Report why a command failed, and return the exit code."""
    match error:
        case typer.TyperException():
            return fail(f"{error.format_message()} (see --help)", WRONG_USAGE)
        case SettingsError():
            return fail(str(error), WRONG_USAGE)
        case TargetError():
            if _is_verbose() and error.traceback:
                write_stderr(sanitize(_redact(error.traceback)))
            return fail(str(error))
        case ModelError() | StoreError() | EventsError() | ServeError():
            return fail(str(error))
        case OSError(filename=str() as name):
            return fail(f"{name}: {error.strerror}")
        case OSError():
            return fail(f"cannot write the answer: {error.strerror or error}")
    if _is_verbose():
        write_stderr(sanitize(_redact("".join(traceback.format_exception(error)))))
    return fail(f"{type(error).__name__}: {error} (--verbose shows where)")


def fail(message: str, code: int = FAILED) -> int:
    """Report a failure, with `--json` on standard output too, and return the exit code."""
    line = one_line(_redact(message), _MOST_SHOWN)
    report_failure(line, plain="--plain" in sys.argv)
    if "--json" in sys.argv:
        with suppress(OSError):
            JsonLines(sys.stdout).write(to_dict(TurnFailed(line)))
    return code


def _is_verbose() -> bool:
    return bool({"-v", "--verbose"} & set(sys.argv))


def _redact(text: str) -> str:
    # The settings may have failed to load before they could name the key.
    redactor.learn(os.environ.get(OPENAI_KEY, "").strip())
    return redact_url_credentials(redactor.redact(text))
