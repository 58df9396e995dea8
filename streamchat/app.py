"""Puts the parts together: settings, model, agent, view."""

from __future__ import annotations

import asyncio
import logging
import sys

from streamchat.config import Settings
from streamchat.safe import without_secret
from streamchat.turn import Turn
from streamchat.view.choose import Look, choose_view
from streamchat.view.progress import progress_on_stderr

with progress_on_stderr("starting"):  # LangChain takes seconds to import
    from streamchat.agent import AgentExecutor
    from streamchat.conversation import complain_of, converse
    from streamchat.models import open_model
    from streamchat.tracing import flush

_EXIT_CODES = {"done": 0, "failed": 1, "cancelled": 130, "running": 1}


def ask_once(question: str, settings: Settings, look: Look, *, tools: bool) -> int:
    """Answers one question and returns the exit code.

    Raises:
        ModelError: the model cannot be had.
        OSError: the output is gone.
    """
    _prepare_output(settings, look)
    turn = asyncio.run(_ask(open_executor(settings, tools=tools), question, look))
    complain_of(turn)
    if settings.trace:
        flush()
    return _EXIT_CODES[turn.status]


async def _ask(executor: AgentExecutor, question: str, look: Look) -> Turn:
    try:
        await executor.prepare(progress_on_stderr)
        return await converse(executor, question, choose_view(look), verbose=look.verbose)
    finally:
        await executor.aclose()


def chat(settings: Settings, look: Look, *, tools: bool) -> int:
    """Runs the REPL and returns the exit code.

    Raises:
        ModelError: the model cannot be had.
        OSError: the output is gone.
    """
    from streamchat.repl import Repl  # it brings prompt-toolkit, which `ask` has no use for

    _prepare_output(settings, look)
    repl = Repl(open_executor(settings, tools=tools), settings, look)
    code = asyncio.run(repl.run())
    if settings.trace:
        flush()
    return code


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


def _prepare_output(settings: Settings, look: Look) -> None:
    """Answers are UTF-8 on a pipe whatever the locale; on a terminal they are what it can show."""
    if hasattr(sys.stdout, "reconfigure"):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8", newline="")
    # Libraries log what is told better elsewhere; Python shows it if nobody takes it.
    handler = logging.StreamHandler() if look.verbose else logging.NullHandler()
    handler.setFormatter(_Redacting(settings.api_key))
    logging.getLogger().addHandler(handler)
    logging.getLogger("streamchat").setLevel(logging.DEBUG)


class _Redacting(logging.Formatter):
    """Formats records without the key."""

    def __init__(self, key: str | None) -> None:
        super().__init__()
        self._key = key

    def format(self, record: logging.LogRecord) -> str:
        return without_secret(super().format(record), self._key)
