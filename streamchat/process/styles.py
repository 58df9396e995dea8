"""Styles for the program's own lines, without Rich, which takes long to import."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO, TypeAlias

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeText, colored

Style: TypeAlias = Callable[[SafeText, TextIO], str]
"""Returns text for a stream with the sequences that style it, or as it is."""
_RESET = "\x1b[0m"
_CYAN = 36


def dim(text: SafeText, out: TextIO) -> str:
    """Return the text with the sequences that dim it, if the stream is a terminal."""
    return _apply("2", text, out)


def bold(text: SafeText, out: TextIO) -> str:
    """Return the text with the sequences that make it bold, if the stream is a terminal."""
    return _apply("1", text, out)


def cyan(text: SafeText, out: TextIO) -> SafeText:
    """Return the text in cyan, if the stream is a terminal and the user wants colors."""
    has_color = text and can_repaint(out) and not os.environ.get("NO_COLOR")
    return colored(text, _CYAN) if has_color else text


def _apply(code: str, text: SafeText, out: TextIO) -> str:
    return f"\x1b[{code}m{text}{_RESET}" if text and can_repaint(out) else text
