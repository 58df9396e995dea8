"""Puts the parts together: settings, model, agent, view."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
import signal
import sys
import warnings
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from streamchat.config import Settings
from streamchat.echo import unechoed
from streamchat.findings import is_usable
from streamchat.safe import safe, without_secrets
from streamchat.signals import ENDING, end_in_order, interrupts_end_at_once
from streamchat.threads import DaemonExecutor
from streamchat.turn import Turn
from streamchat.view.choose import Look, choose_view
from streamchat.view.progress import progress_on_stderr

# LangChain takes seconds to import, and looking for garbage meanwhile a tenth of that.
gc.disable()
os.environ.pop("OPENAI_LOG", None)  # its lines would stand between ours
with progress_on_stderr("starting"), interrupts_end_at_once():
    from streamchat.agent import AgentExecutor
    from streamchat.conversation import Stops, complain_of, converse, prepare
    from streamchat.models import open_model
    from streamchat.tracing import flush

_T = TypeVar("_T")


def ask_once(question: str, settings: Settings, look: Look, *, tools: bool) -> int:
    """Answers one question and returns the exit code.

    Raises:
        ModelError: the model cannot be had.
        OSError: the output is gone.
    """
    _prepare_output(settings)
    stops = Stops(signal.SIGINT, *ENDING, linger=True)
    with unechoed():
        executor = open_executor(settings, tools=tools)
        turn = _run(_ask(executor, question, look, stops))
    complain_of(turn)
    if settings.trace:
        flush()
    if turn.status == "cancelled":
        return 128 + stops.received
    return 0 if turn.status == "done" else 1


async def _ask(executor: AgentExecutor, question: str, look: Look, stops: Stops) -> Turn:
    if not await prepare(executor, progress_on_stderr, stops):
        return Turn(question, status="cancelled")
    return await converse(executor, question, choose_view(look), stops, verbose=look.verbose)


def chat(settings: Settings, look: Look, *, tools: bool) -> int:
    """Runs the REPL and returns the exit code.

    Raises:
        ModelError: the model cannot be had.
        OSError: the output is gone.
    """
    # It brings prompt-toolkit, which `ask` has no use for.
    from streamchat.repl import Repl

    _prepare_output(settings)
    with unechoed():
        executor = open_executor(settings, tools=tools)
    code = _run(Repl(executor, settings, look).run())
    if settings.trace:
        flush()
    return code


def diagnose(settings: Settings, *, json: bool) -> int:
    """Examines a server, shows what was found, and returns the exit code.

    Raises:
        ModelError: the model cannot be had.
        OSError: the output is gone.
    """
    # Nobody else has a use for these.
    from streamchat.doctor import diagnosis
    from streamchat.models.probe import Probe
    from streamchat.view.report import show_report, write_json

    _prepare_output(settings)
    with unechoed():
        probe = Probe.on(settings, progress_on_stderr)
        with progress_on_stderr("examining the server"):
            findings = _run(diagnosis(probe))
    (write_json if json else show_report)(findings, sys.stdout)
    return 0 if is_usable(findings) else 1


def _run(main: Coroutine[Any, Any, _T]) -> _T:
    # All that was imported stays to the end. Looking through it for garbage again and again would
    # stop the stream for a tenth of a second each time.
    gc.freeze()
    gc.enable()
    with asyncio.Runner() as runner:
        # Looking up the name of a host must not outlast a time-out or Ctrl-C.
        runner.get_loop().set_default_executor(DaemonExecutor())
        result = runner.run(main)
    end_in_order()  # the loop has taken the signals for itself
    return result


def open_executor(settings: Settings, *, tools: bool) -> AgentExecutor:
    """Returns an agent on the model that the settings name; a local one starts behind a spinner.

    Raises:
        ModelError: the model cannot be had.
    """
    return AgentExecutor(
        open_model(settings, progress_on_stderr),
        None if tools else [],
        settings.max_steps,
        timeout=settings.timeout,
        trace=settings.trace,
    )


def _prepare_output(settings: Settings) -> None:
    """Answers are UTF-8 on a pipe whatever the locale; on a terminal they are what it can show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8", newline="")
    # Libraries log and warn of what is told better elsewhere.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    handler = logging.StreamHandler()
    handler.setFormatter(_Harmless(settings.secrets))
    ours = logging.getLogger("streamchat")
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    ours.propagate = False


class _Harmless(logging.Formatter):
    """Formats records without the key, and without what a terminal would take for a command."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return safe(without_secrets(super().format(record), self._secrets))
