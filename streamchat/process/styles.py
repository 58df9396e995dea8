"""Styles for the program's own lines, without Rich, which takes long to import."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO, TypeAlias

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeText, styled

Style: TypeAlias = Callable[[SafeText, TextIO], SafeText]
"""Returns text for a stream with the sequences that style it, or as it is."""
_BOLD, _DIM, _RED, _CYAN = 1, 2, 31, 36


def dim(text: SafeText, out: TextIO) -> SafeText:
    """Return the text with the sequences that dim it, if the stream is a terminal."""
    return _apply(_DIM, text, out)


def bold(text: SafeText, out: TextIO) -> SafeText:
    """Return the text with the sequences that make it bold, if the stream is a terminal."""
    return _apply(_BOLD, text, out)


def cyan(text: SafeText, out: TextIO) -> SafeText:
    """Return the text in cyan, if the stream is a terminal and the user wants colors."""
    return text if os.environ.get("NO_COLOR") else _apply(_CYAN, text, out)


def red(text: SafeText, out: TextIO) -> SafeText:
    """Return the text in red, if the stream is a terminal; bold if the user wants no colors."""
    return _apply(_BOLD if os.environ.get("NO_COLOR") else _RED, text, out)


def _apply(style: int, text: SafeText, out: TextIO) -> SafeText:
    return styled(text, style) if text and can_repaint(out) else text
