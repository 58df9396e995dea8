"""Characters to draw with: Unicode where the terminal can show it, ASCII elsewhere."""

from __future__ import annotations

from typing import NamedTuple, TextIO

from streamchat.process.tty import is_dumb

TICK = 0.1
"""Seconds between two steps of the spinner."""


class Glyphs(NamedTuple):
    """The characters for the prompt, lines, items and states."""

    prompt: str
    bullet: str
    line: str
    bar: str
    cross: str
    done: str
    failed: str
    result: str
    dot: str
    ellipsis: str
    unchecked: str
    checked: str
    speaker: str
    printed: str
    question: str
    spinner: tuple[str, ...]

    def spin(self, now: float) -> str:
        """Return the step of the spinner at a time in seconds."""
        return self.spinner[int(now / TICK) % len(self.spinner)]


def supports_unicode(encoding: str) -> bool:
    """Whether a terminal with this encoding can show all of Unicode."""
    return encoding.lower().startswith("utf")


def escape_unencodable(text: str, encoding: str) -> str:
    """Return the text with escapes for what a terminal with this encoding cannot show."""
    if supports_unicode(encoding):
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


UNICODE_GLYPHS = Glyphs(
    *("›", "•", "─", "│", "┼", "✓", "✗", "→", "·", "…", "☐", "☑", "›", "┊", "?"),
    tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"),
)
ASCII_GLYPHS = Glyphs(
    *(">", "*", "-", "|", "+", "ok", "failed", "->", "-", "...", "[ ]", "[x]", ">", "|", "?"),
    tuple(r"-\|/"),
)


def choose_glyphs(encoding: str) -> Glyphs:
    """Return the glyphs for a terminal with this encoding."""
    return UNICODE_GLYPHS if supports_unicode(encoding) else ASCII_GLYPHS


def choose_prompt(out: TextIO, *, plain: bool = False) -> str:
    """Return what stands before the user's text.

    Quotes in an answer begin with `>`, too. Screen readers read `›` out as a quotation mark, so a
    plain output and a dumb terminal keep `>`.
    """
    is_plain = plain or (out.isatty() and is_dumb())
    glyphs = ASCII_GLYPHS if is_plain else choose_glyphs(out.encoding or "utf-8")
    return f"{glyphs.prompt} "
