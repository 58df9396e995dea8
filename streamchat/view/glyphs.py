"""Characters to draw with, for terminals that show all of Unicode and for those that do not."""

from __future__ import annotations

from typing import NamedTuple


class Glyphs(NamedTuple):
    """The characters for lines, items and states."""

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


def escape_unencodable(text: str, encoding: str) -> str:
    """Return the text with escapes for what a terminal with this encoding cannot show."""
    if takes_unicode(encoding):
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


UNICODE_GLYPHS = Glyphs("•", "─", "│", "┼", "✓", "✗", "→", "·", tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"))
ASCII_GLYPHS = Glyphs("*", "-", "|", "+", "ok", "failed", "->", "-", tuple("-\\|/"))
