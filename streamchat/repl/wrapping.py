"""Wraps what the chat says between words; the terminal would break lines within them."""

from __future__ import annotations

import textwrap

_NARROWEST = 20


def wrap(text: str, columns: int, indent: str = "") -> str:
    """Return the text in lines that fit into the columns; `indent` begins all but the first."""
    return textwrap.fill(
        text, max(columns - 1, _NARROWEST), subsequent_indent=indent, break_on_hyphens=False
    )
