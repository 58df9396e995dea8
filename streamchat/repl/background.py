"""Shows what happens in the background: how loading an agent ends, and what its code prints."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from streamchat.agent.background import Loader
from streamchat.agent.reloading import CodeLoader
from streamchat.agent.source import Source
from streamchat.agent.target.errors import TargetError
from streamchat.process.styles import Style, dim
from streamchat.repl.chat import Chat
from streamchat.repl.errors import describe_error, is_expected
from streamchat.repl.prompt import Prompt
from streamchat.repl.welcome import format_kind
from streamchat.repl.wrapping import wrap
from streamchat.view.glyphs import choose_glyphs
from streamchat.view.outcome import report_failure, report_output
from streamchat.view.traceback import show_traceback


@dataclass(frozen=True, slots=True)
class _News:
    lines: list[str]
    notes: list[str]
    outcome: Source | TargetError | None
    is_reload: bool


def watch(chat: Chat, prompt: Prompt) -> None:
    """From now on, show above the open prompt what happens in the background."""
    loop = asyncio.get_running_loop()

    def show() -> None:
        if prompt.is_open and (news := _take_news(chat)):
            prompt.print_above(partial(_print_news, chat, news))

    def wake() -> None:
        with suppress(RuntimeError):  # the chat has ended
            loop.call_soon_threadsafe(show)

    def report_activity() -> None:
        prompt.redraw()
        wake()

    chat.loader.on_activity = report_activity
    if isinstance(chat.loader, CodeLoader) and chat.loader.relay:
        chat.loader.relay.on_line = wake


def show_news(chat: Chat) -> None:
    """Print what has happened since the last call, while neither prompt nor turn is shown."""
    if news := _take_news(chat):
        _print_news(chat, news)
        chat.separate()


def report_error(chat: Chat, error: Exception) -> None:
    """Print an error; if it is in the user's code, also what that printed, and where it is."""
    if isinstance(error, TargetError):
        _report_broken_code(chat, error)
        return
    hint = "" if is_expected(error) else " (/verbose shows where)"
    cause = chat.redactor.redact(describe_error(error))
    report_failure(f"{cause}{hint}", plain=chat.options.plain)


def _report_broken_code(chat: Chat, error: TargetError) -> None:
    if news := _take_news(chat):
        _print_what_came(chat, news)
    advice = _describe_kept(chat.loader) if chat.loader.source else ""
    report_failure(chat.redactor.redact(str(error)), advice, plain=chat.options.plain)
    if error.traceback:
        chat.traceback = error.traceback
        if chat.interactive:  # elsewhere an error is one line
            print_traceback(chat)


def _describe_kept(loader: Loader[Source]) -> str:
    if isinstance(loader, CodeLoader) and loader.code_is == "tools":
        return "The tools that were loaded before are still in use."
    return "The agent that was loaded before is still in use."


def print_traceback(chat: Chat) -> None:
    """Print the traceback of the last failure of the user's code."""
    text = chat.redactor.redact(chat.traceback)
    show_traceback(text, sys.stdout, chat.settings.code_style, plain=chat.is_plain)


def reload_if_saved(chat: Chat) -> None:
    """With --watch, start to load the agent anew if one of its files was saved."""
    if chat.watches and isinstance(chat.loader, CodeLoader) and chat.loader.has_changed:
        chat.loader.start_reload()


def report_reload(chat: Chat, loader: CodeLoader[Source]) -> None:
    """Say what was loaded anew, after what its code printed."""
    if news := _take_news(chat):
        _print_what_came(chat, news)
    about = format_kind(loader.kind, loader.code_tools, ", ")
    _say(chat, f"reloaded {loader.code_name}: {about}")


def _take_news(chat: Chat) -> _News | None:
    loader = chat.loader
    if not isinstance(loader, CodeLoader):
        return None
    lines, notes, outcome = loader.take_lines(), loader.take_notes(), loader.take_outcome()
    is_reload = loader.attempts > 1 and loader.relay is not None
    return _News(lines, notes, outcome, is_reload) if lines or notes or outcome else None


def _print_news(chat: Chat, news: _News) -> None:
    _print_what_came(chat, news)
    if isinstance(news.outcome, TargetError):
        if chat.interactive or chat.loader.source:  # else a script ends with the error
            report_error(chat, news.outcome)
    elif news.outcome and chat.interactive and isinstance(chat.loader, CodeLoader):
        introduce = report_reload if news.is_reload else _introduce
        introduce(chat, chat.loader)


def _introduce(chat: Chat, loader: CodeLoader[Source]) -> None:
    """Say what has been loaded."""
    if chat.is_plain:
        about = format_kind(loader.kind, loader.title_tools, ", ")
        _say(chat, f"{loader.title} is ready: {about}.")
    else:
        separator = f" {choose_glyphs(sys.stdout.encoding).dot} "
        about = format_kind(loader.kind or loader.title, loader.title_tools, separator)
        _say(chat, f" {about}", dim)


def _say(chat: Chat, text: str, style: Style | None = None) -> None:
    chat.say(wrap(text, chat.columns, "  "), style)


def _print_what_came(chat: Chat, news: _News) -> None:
    """Print lines of the agent's code, and notes; on a pipe, standard output is for answers."""
    for line in news.lines:
        chat.say(line, dim) if chat.interactive else report_output(line)
    for note in news.notes:
        _say(chat, note, dim) if chat.interactive else report_output(note)
