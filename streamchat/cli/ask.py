"""Runs `streamchat ask`: puts settings, model, agent and view together."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from shlex import quote

from streamchat.config import APP, Settings
from streamchat.events import InputRequested
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.runtime import freeze_imports, prepare_output, run
from streamchat.process.signals import TERMINATION_SIGNALS, exit_on_signal
from streamchat.process.stdio import print_error, write_stderr
from streamchat.process.tty import can_repaint, echo_off
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import sanitize
from streamchat.turn import Question, Turn, find_answer, find_unasked
from streamchat.view.choose import ViewOptions, choose_view
from streamchat.view.outcome import report_outcome, report_output, report_unasked
from streamchat.view.progress import show_progress

with show_progress("starting", brief=True), exit_on_signal():
    from streamchat.agent.loader import AgentLoader, open_source
    from streamchat.agent.loaders import make_loader
    from streamchat.agent.source import Source
    from streamchat.agent.target.emitter import RESUME
    from streamchat.agent.target.loader import TargetLoader
    from streamchat.agent.target.parts import count_answers
    from streamchat.agent.tracing import flush
    from streamchat.cli.answering import TerminalAnswers
    from streamchat.sessions.conversation import Conversation
    from streamchat.sessions.opening import open_conversation, restore_model
    from streamchat.sessions.turns import UserAnswer, ask


def ask_once(
    question: str,
    settings: Settings,
    redactor: Redactor,
    options: ViewOptions,
    *,
    tools: bool,
    answers: Sequence[str] = (),
    session: str | None = None,
    model_chosen: bool = False,
) -> int:
    """Answer one question and return the exit code.

    Args:
        answers: to what the user's agent asks, in order.
        session: the session to continue, as `open_conversation` takes it.
        model_chosen: whether the user chose the model, so that a resumed session does not.

    Raises:
        ModelError: the model is not available.
        StoreError: the session cannot be resumed.
        OSError: the output is gone.
    """
    prepare_output(redactor)
    conversation = open_conversation(settings, redactor, session)
    if session is not None and not model_chosen:
        settings = restore_model(settings, conversation)
    _print_warnings(conversation)
    interrupts = InterruptHandler(signal.SIGINT, *TERMINATION_SIGNALS, linger=True)
    with echo_off():
        if loader := _make_loader(settings, redactor, options, tools=tools):
            asking = _ask_own(loader, conversation, question, options, interrupts, answers)
            turn = run(asking)
        else:
            source = open_source(settings, redactor, tools=tools, progress=show_progress)
            freeze_imports()
            turn = run(_ask(source, conversation, question, options, interrupts))
    conversation.close()
    report_outcome(turn, _advise(turn, conversation), plain=options.plain)
    _report_unused(turn, answers)
    if settings.trace:
        flush()
    if turn.status == "cancelled":
        return 128 + interrupts.received
    return 0 if turn.status == "done" and not find_unasked(turn) else 1


def _make_loader(
    settings: Settings, redactor: Redactor, options: ViewOptions, *, tools: bool
) -> TargetLoader | AgentLoader | None:
    """Return what loads the user's own code or starts servers, which may hang; None for neither."""
    if not (settings.agent or (tools and (settings.tools or settings.mcp))):
        return None
    return make_loader(
        settings, redactor, tools=tools, progress=show_progress, verbose=options.verbose
    )


def _advise(turn: Turn, conversation: Conversation) -> str:
    """Return where what is left of a failed turn is kept, if it is."""
    if not (conversation.is_saved and find_answer(turn)):
        return ""
    return f"The partial answer is kept: {APP} sessions show {conversation.session_id}"


def _report_unused(turn: Turn, answers: Sequence[str]) -> None:
    unused = list(answers)
    for block in turn.blocks:
        if isinstance(block, Question) and unused:
            del unused[: count_answers(len(block.request.actions), unused)]
    if turn.status == "done" and unused:
        print_error(f"not used: {RESUME} {' '.join(map(quote, unused))}")


async def _ask_own(
    loader: TargetLoader | AgentLoader,
    conversation: Conversation,
    question: str,
    options: ViewOptions,
    interrupts: InterruptHandler,
    answers: Sequence[str],
) -> Turn:
    """Load the user's own agent or tools, and ask."""
    try:
        loading = await interrupts.run(_wait_until_ready(loader))
        for line in (*loader.take_lines(), *loader.take_notes()):
            report_output(line)
        if loading.cancelled():
            return Turn(question, status="cancelled")
        turn = await _ask(loading.result(), conversation, question, options, interrupts, answers)
        if options.verbose and (traceback := loader.take_traceback()):
            write_stderr(sanitize(traceback))
        place = loader.source.place if isinstance(loader, TargetLoader) and loader.source else ""
        return replace(turn, error=f"{turn.error} ({place})") if turn.error and place else turn
    finally:
        await loader.aclose()


async def _wait_until_ready(loader: TargetLoader | AgentLoader) -> Source:
    return await loader.wait_until_ready()


async def _ask(
    source: Source,
    conversation: Conversation,
    question: str,
    options: ViewOptions,
    interrupts: InterruptHandler,
    answers: Sequence[str] = (),
) -> Turn:
    preparing = await interrupts.run(source.prepare(show_progress))
    if preparing.cancelled():
        return Turn(question, status="cancelled")
    preparing.result()
    view = choose_view(options)
    # Who reads JSON is a program.
    is_asked = TerminalAnswers.are_possible() and not options.json
    typed = TerminalAnswers(interrupts, plain=options.plain, is_stated=_states(options))

    async def answer(requested: InputRequested) -> UserAnswer | None:
        with view.pause():
            return await typed.ask(requested)

    try:
        turn = await ask(
            conversation,
            source,
            question,
            view,
            interrupts,
            ask_user=answer if is_asked else None,
            ask_approval=typed if is_asked else None,
            answers=answers,
            verbose=options.verbose,
        )
        report_unasked(turn, source.name_in_rules, plain=options.plain)
        return turn
    finally:
        await conversation.leave()
        _print_warnings(conversation)


def _states(options: ViewOptions) -> bool:
    """Whether the view writes the questions for the user to see, in lines that stay."""
    return sys.stdout.isatty() and (options.plain or options.raw or not can_repaint(sys.stdout))


def _print_warnings(conversation: Conversation) -> None:
    for line in conversation.take_warnings():
        print_error(line)
