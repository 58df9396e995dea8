"""What is drawn besides text, for terminals that take all of Unicode and for those that do not."""

from __future__ import annotations

from typing import NamedTuple


class Glyphs(NamedTuple):
    """What lines, items and states are drawn with."""

    bullet: str
    line: str
    bar: str
    cross: str
    done: str
    failed: str
    result: str
    dot: str
    spinner: tuple[str, ...]


def takes_unicode(encoding: str) -> bool:
    """Whether a terminal with this encoding shows all of Unicode."""
    return encoding.lower().startswith("utf")


def encodable(text: str, encoding: str) -> str:
    """Returns the text as a terminal with this encoding can show it."""
    if takes_unicode(encoding):
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


UNICODE_GLYPHS = Glyphs("•", "─", "│", "┼", "✓", "✗", "→", "·", tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"))
ASCII_GLYPHS = Glyphs("*", "-", "|", "+", "ok", "failed", "->", "-", tuple("-\\|/"))
