"""Puts the parts together: settings, model, agent, view."""

from __future__ import annotations

import os
import signal
import sys

from streamchat.config import Settings
from streamchat.echo import unechoed
from streamchat.findings import is_usable
from streamchat.runtime import keep_what_was_imported, prepare_output, run
from streamchat.signals import ENDING, interrupts_end_at_once
from streamchat.turn import Turn
from streamchat.view.choose import Look, choose_view
from streamchat.view.progress import progress_on_stderr

os.environ.pop("OPENAI_LOG", None)  # its lines would stand between ours
with progress_on_stderr("starting"), interrupts_end_at_once():
    from streamchat.agent import AgentExecutor
    from streamchat.conversation import (
        Conversation,
        Stops,
        complain_of,
        open_conversation,
        prepare,
    )
    from streamchat.models import open_model
    from streamchat.tracing import flush


def ask_once(
    question: str, settings: Settings, look: Look, *, tools: bool, session: str | None = None
) -> int:
    """Answers one question and returns the exit code.

    Args:
        session: the one to add to, as `open_conversation` takes it.

    Raises:
        ModelError: the model cannot be had.
        StoreError: the session cannot be had.
        OSError: the output is gone.
    """
    prepare_output(settings)
    conversation = open_conversation(settings, session)
    stops = Stops(signal.SIGINT, *ENDING, linger=True)
    with unechoed():
        executor = open_executor(settings, tools=tools)
        keep_what_was_imported()
        turn = run(_ask(executor, conversation, question, look, stops))
    complain_of(turn)
    if settings.trace:
        flush()
    if turn.status == "cancelled":
        return 128 + stops.received
    return 0 if turn.status == "done" else 1


async def _ask(
    executor: AgentExecutor, conversation: Conversation, question: str, look: Look, stops: Stops
) -> Turn:
    if not await prepare(executor, progress_on_stderr, stops):
        return Turn(question, status="cancelled")
    return await conversation.ask(
        executor, question, choose_view(look), stops, verbose=look.verbose
    )


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

    prepare_output(settings)
    keep_what_was_imported()
    with unechoed():
        probe = Probe.on(settings, progress_on_stderr)
        with progress_on_stderr("examining the server"):
            findings = run(diagnosis(probe))
    (write_json if json else show_report)(findings, sys.stdout)
    return 0 if is_usable(findings) else 1


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
