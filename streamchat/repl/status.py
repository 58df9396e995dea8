"""The bar at the bottom of the prompt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from streamchat.agent.target.name import is_agent
from streamchat.repl.chat import Chat
from streamchat.text.sanitize import one_line
from streamchat.view.glyphs import choose_glyphs

_LONGEST_NAME = 40


def format_status(chat: Chat, columns: int) -> str:
    """Return the model, the session, the context and the work in progress, as far as they fit."""
    dot = choose_glyphs(sys.stdout.encoding).dot
    bar = ""
    for parts in _vary(chat):
        bar = f" {dot} ".join(filter(None, parts))
        if len(bar) <= columns:
            return bar
    return bar[:columns]


def _vary(chat: Chat) -> Iterator[tuple[str, ...]]:
    """Yield the parts of the bar, the longest texts first."""
    name, id = _shorten(chat.loader.name), chat.conversation.session_id or "new"
    is_saved, activity = chat.conversation.is_saved, chat.loader.activity
    context = format_context(chat.context_tokens, chat.loader.context_tokens)
    session, short_session = (f"session {id}", id) if is_saved else ("not saved",) * 2
    yield name, session, context, activity
    short, figure = name[:20], context.removesuffix(" context").removesuffix(" tokens")
    yield short, short_session, figure, activity
    if is_saved:
        yield short, figure, activity
    yield short, "" if is_saved else session, activity
    if activity:
        yield (activity,)


def _shorten(name: str) -> str:
    """Return the name of a model, or of an agent without its folders if they are too long."""
    if len(name) > _LONGEST_NAME and is_agent(name):
        name = Path(name).name
    return one_line(name, _LONGEST_NAME)


def format_context(used: int | None, total: int | None) -> str:
    """Return how much of the model's context is used, as far as that is known."""
    if total is None:
        return "" if used is None else f"{used:,} tokens"
    if used is None:
        return f"{_format_thousands(total, _find_unit(total))} context"
    # Both in the unit of the whole, so that a full context is not more than all of it.
    unit = _find_unit(total)
    return f"{_format_thousands(used, unit)} of {_format_thousands(total, unit)} context"


def _find_unit(total: int) -> int:
    return 1024 if total % 1024 == 0 and total % 1000 else 1000  # 128,000 are 125 times 1,024


def _format_thousands(tokens: int, unit: int) -> str:
    if tokens < unit:
        return str(tokens)
    thousands = tokens / unit
    return f"{thousands:.0f}k" if thousands >= 100 else f"{thousands:.1f}k".replace(".0k", "k")
