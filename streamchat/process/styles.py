"""Styles for the program's own lines, without Rich, which takes long to import."""

from __future__ import annotations

from typing import TextIO

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeText

_RESET = "\x1b[0m"


def dim(text: SafeText, out: TextIO) -> str:
    """Return the text with the sequences that dim it, if the stream is a terminal that can."""
    return f"\x1b[2m{text}{_RESET}" if text and can_repaint(out) else text
