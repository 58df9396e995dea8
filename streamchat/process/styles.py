"""Styles for the program's own lines, without Rich, which takes long to import."""

from __future__ import annotations

import os
from typing import TextIO

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeText

_RESET = "\x1b[0m"


def dim(text: SafeText, out: TextIO) -> str:
    """Return the text with the sequences that dim it, if the stream is a terminal that can."""
    return f"\x1b[2m{text}{_RESET}" if text and can_repaint(out) else text


def cyan(text: SafeText, out: TextIO) -> str:
    """Return the text in cyan, if the stream is a terminal that can and the user wants colors."""
    has_colors = can_repaint(out) and not os.environ.get("NO_COLOR")
    return f"\x1b[36m{text}{_RESET}" if has_colors else text
