"""Shows what happens in the background: how loading an agent ends, and what its code prints."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.loader import TargetLoader
from streamchat.process.styles import dim
from streamchat.repl.chat import Chat
from streamchat.repl.errors import describe_error, is_expected
from streamchat.repl.prompt import Prompt
from streamchat.repl.welcome import format_kind
from streamchat.view.glyphs import choose_glyphs
from streamchat.view.outcome import report_failure, report_output

if TYPE_CHECKING:
    # It imports LangChain, which the prompt must not wait for.
    from streamchat.agent.target.source import TargetSource


@dataclass(frozen=True, slots=True)
class _News:
    lines: list[str]
    outcome: TargetSource | TargetError | None


def watch(chat: Chat, prompt: Prompt) -> None:
    """From now on, show above the open prompt what happens in the background."""
    loop, context = asyncio.get_running_loop(), copy_context()

    def show() -> None:
        if prompt.is_open and (news := _take_news(chat)):
            prompt.print_above(partial(_print_news, chat, news))

    def wake() -> None:
        with suppress(RuntimeError):  # the chat has ended
            loop.call_soon_threadsafe(show, context=context)

    def report_activity() -> None:
        prompt.redraw()
        wake()

    chat.loader.on_activity = report_activity
    if isinstance(chat.loader, TargetLoader):
        chat.loader.relay.on_line = wake


def show_news(chat: Chat) -> None:
    """Print what has happened since the last call, while neither prompt nor turn is shown."""
    if news := _take_news(chat):
        _print_news(chat, news)
        chat.separate()


def report_error(chat: Chat, error: Exception) -> None:
    """Print an error; if an agent cannot be loaded, also what its code printed, and where it is."""
    if isinstance(error, TargetError) and (news := _take_news(chat)):
        _print_lines(chat, news.lines)
    hint = "" if is_expected(error) else " (/verbose shows where)"
    cause = chat.redactor.redact(describe_error(error))
    report_failure(f"{cause}{hint}", plain=chat.options.plain)
    if isinstance(error, TargetError) and error.traceback:
        chat.say(error.traceback, dim)


def _take_news(chat: Chat) -> _News | None:
    loader = chat.loader
    if not isinstance(loader, TargetLoader):
        return None
    lines, outcome = loader.relay.take_lines(), loader.take_outcome()
    return _News([each.text for each in lines], outcome) if lines or outcome else None


def _print_news(chat: Chat, news: _News) -> None:
    _print_lines(chat, news.lines)
    if not chat.interactive:
        return
    if isinstance(news.outcome, TargetError):
        report_error(chat, news.outcome)
    elif news.outcome:
        _introduce(chat, news.outcome)


def _introduce(chat: Chat, source: TargetSource) -> None:
    """Say what kind of agent has been loaded."""
    kind, tools = source.kind, len(source.tools)
    if chat.is_plain:
        chat.say(f"{source.name} is ready: {format_kind(kind, tools, ', ')}.")
    else:
        dot = choose_glyphs(sys.stdout.encoding).dot
        chat.say(f" {format_kind(kind, tools, f' {dot} ')}", dim)


def _print_lines(chat: Chat, lines: Sequence[str]) -> None:
    """Print what the agent's code printed; on a pipe, standard output is for answers."""
    for line in lines:
        if chat.interactive:
            chat.say(line, dim)
        else:
            report_output(chat.redactor.redact(line))
