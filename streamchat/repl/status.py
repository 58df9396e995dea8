"""The bar at the bottom of the prompt."""

from __future__ import annotations

import sys

from streamchat.repl.chat import Chat
from streamchat.text.sanitize import one_line
from streamchat.view.glyphs import choose_glyphs


def format_status(chat: Chat, columns: int) -> str:
    """Return the model, the session, the tokens and the work in progress, as far as they fit."""
    name, id = one_line(chat.loader.name, 40), chat.conversation.session_id or "new"
    saved, tokens = chat.conversation.is_saved, f"{chat.tokens:,} tokens"
    activity = [chat.loader.activity] if chat.loader.activity else []
    long = [name, f"session {id}" if saved else "not saved", tokens, *activity]
    short = [name[:20], id if saved else "not saved", tokens, *activity]
    dot = choose_glyphs(sys.stdout.encoding).dot
    bars = [f" {dot} ".join(parts) for parts in (long, short)]
    return next((bar for bar in bars if len(bar) <= columns), bars[-1][:columns])
