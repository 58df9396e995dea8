"""Runs `streamchat doctor --agent`."""

from __future__ import annotations

import sys
from contextlib import suppress

from streamchat.config import Settings
from streamchat.process.runtime import prepare_output, run
from streamchat.process.signals import exit_on_signal
from streamchat.process.tty import echo_off
from streamchat.text.redact import Redactor
from streamchat.view.outcome import report_output
from streamchat.view.progress import show_progress
from streamchat.view.traceback import show_traceback

with show_progress("starting", brief=True), exit_on_signal():
    from streamchat.agent.target.errors import TargetError
    from streamchat.agent.target.loader import TargetLoader
    from streamchat.doctor.agent_trial import QUESTION, try_agent
    from streamchat.doctor.agent_verdicts import find_traceback, judge_agent
    from streamchat.doctor.findings import Finding, is_usable
    from streamchat.doctor.report import show_report, write_json


def examine_agent(question: str, settings: Settings, redactor: Redactor, *, json: bool) -> int:
    """Load the agent that the settings name, ask it, show the findings, and return the exit code.

    Args:
        question: what to ask; empty for a harmless question.

    Raises:
        TargetError: the agent cannot be loaded; the traceback is on standard error.
        OSError: the output is gone.
    """
    prepare_output(redactor)
    with echo_off():
        loader = TargetLoader(settings, redactor, show_progress)
        try:
            findings, traceback = run(_examine(loader, question or QUESTION, redactor))
        except TargetError as error:
            for line in loader.take_lines():
                report_output(line)
            _show_traceback(error.traceback, settings)
            raise
    _show_traceback(traceback, settings)
    (write_json if json else show_report)(findings, sys.stdout)
    return 0 if is_usable(findings) else 1


async def _examine(
    loader: TargetLoader, question: str, redactor: Redactor
) -> tuple[list[Finding], str]:
    """Return the findings, and the traceback of the agent's own code if it has failed."""
    source = await loader.wait_until_ready()
    try:
        with show_progress(f"asking {source.name}"):
            trial = await try_agent(source, question)
        return judge_agent(source, trial, redactor), find_traceback(source, trial)
    finally:
        await loader.aclose()


def _show_traceback(text: str, settings: Settings) -> None:
    # A closed standard error is no reason to go without a report.
    with suppress(OSError):
        if text:
            show_traceback(text, sys.stderr, settings.code_style)
