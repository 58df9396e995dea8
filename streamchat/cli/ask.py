"""Puts the parts together: settings, model, agent, view."""

from __future__ import annotations

import os
import signal
import sys

from streamchat.config import Settings
from streamchat.doctor.findings import is_usable
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.runtime import freeze_imports, prepare_output, run
from streamchat.process.signals import TERMINATION_SIGNALS, exit_on_interrupt
from streamchat.process.streams import print_error
from streamchat.process.tty import echo_off
from streamchat.text.redact import Redactor
from streamchat.turn import Turn
from streamchat.view.choose import ViewOptions, choose_view
from streamchat.view.formatting import format_outcome
from streamchat.view.progress import progress_on_stderr

os.environ.pop("OPENAI_LOG", None)  # its lines would stand between ours
with progress_on_stderr("starting"), exit_on_interrupt():
    from streamchat.agent.executor import AgentExecutor
    from streamchat.agent.loader import open_agent
    from streamchat.agent.tracing import flush
    from streamchat.sessions.conversation import Conversation
    from streamchat.sessions.opening import open_conversation
    from streamchat.sessions.turns import ask


def ask_once(
    question: str,
    settings: Settings,
    redactor: Redactor,
    look: ViewOptions,
    *,
    tools: bool,
    session: str | None = None,
) -> int:
    """Answers one question and returns the exit code.

    Args:
        session: the one to add to, as `open_conversation` takes it.

    Raises:
        ModelError: the model cannot be had.
        StoreError: the session cannot be had.
        OSError: the output is gone.
    """
    prepare_output(redactor)
    conversation = open_conversation(settings, redactor, session)
    _print_warnings(conversation)
    interrupts = InterruptHandler(signal.SIGINT, *TERMINATION_SIGNALS, linger=True)
    with echo_off():
        executor = open_agent(settings, redactor, tools=tools, progress=progress_on_stderr)
        freeze_imports()
        turn = run(_ask(executor, conversation, question, look, interrupts))
    conversation.close()
    if outcome := format_outcome(turn):
        print_error(outcome)
    if settings.trace:
        flush()
    if turn.status == "cancelled":
        return 128 + interrupts.received
    return 0 if turn.status == "done" else 1


async def _ask(
    executor: AgentExecutor,
    conversation: Conversation,
    question: str,
    look: ViewOptions,
    interrupts: InterruptHandler,
) -> Turn:
    preparing = await interrupts.run(executor.prepare(progress_on_stderr))
    if preparing.cancelled():
        return Turn(question, status="cancelled")
    preparing.result()
    view = choose_view(look)
    try:
        return await ask(conversation, executor, question, view, interrupts, verbose=look.verbose)
    finally:
        _print_warnings(conversation)


def _print_warnings(conversation: Conversation) -> None:
    for line in conversation.take_warnings():
        print_error(line)


def diagnose(settings: Settings, redactor: Redactor, *, json: bool) -> int:
    """Examines a server, shows what was found, and returns the exit code.

    Raises:
        ModelError: the model cannot be had.
        OSError: the output is gone.
    """
    # Nobody else has a use for these.
    from streamchat.doctor.examination import diagnosis
    from streamchat.doctor.probe import Probe
    from streamchat.doctor.report import show_report, write_json

    prepare_output(redactor)
    freeze_imports()
    with echo_off():
        probe = Probe.on(settings, progress_on_stderr)
        with progress_on_stderr("examining the server"):
            findings = run(diagnosis(probe))
    (write_json if json else show_report)(findings, sys.stdout)
    return 0 if is_usable(findings) else 1
