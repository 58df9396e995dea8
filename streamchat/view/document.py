"""A whole Markdown document, such as a topic of the manual."""

from __future__ import annotations

import re
from typing import TextIO

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeOutput, sanitize

_NOT_TEXT = re.compile(r"^(?:<!-- .*? -->|<picture>.*?</picture>)\n\n?", re.MULTILINE | re.DOTALL)
"""Comments and pictures, each with the blank line that may follow it."""
_ITEM = re.compile(r"(?:[-*+]|\d+\.) ")
_MAX_WIDTH = 100
"""Cells in a line of prose; longer lines are hard to read."""


def show_document(text: str, out: TextIO, *, plain: bool = False) -> None:
    """Write a document as answers look on a terminal; elsewhere, or if plain, write its source.

    Comments and pictures are left out.

    Raises:
        OSError: the output is gone.
    """
    source = _NOT_TEXT.sub("", text).rstrip("\n") + "\n"
    if plain or not can_repaint(out):
        write_source(source, out)
    else:
        _draw(source, out)


def write_source(source: str, out: SafeOutput) -> None:
    """Write the source of a document, sanitized."""
    out.write(sanitize(source))
    out.flush()


def _draw(source: str, out: TextIO) -> None:
    # Rich is slow to import, and a pipe has no use for it.
    from streamchat.view.glyphs import choose_glyphs
    from streamchat.view.markdown.stream import MarkdownStream
    from streamchat.view.style import LINE_BREAK, Palette, open_console, render

    console = open_console(out)
    width = min(console.width, _MAX_WIDTH)
    stream = MarkdownStream(width, choose_glyphs(console.encoding), wrap=True)
    stream.feed(join_lines(source))
    stream.finish()
    out.write(render([*Palette(console).apply(stream.take()), LINE_BREAK]))
    out.flush()


def join_lines(source: str) -> str:
    """Join the lines of each paragraph and list item.

    `MarkdownStream` keeps the line breaks of answers, but those of a document mean nothing.
    """
    lines: list[str] = []
    block: list[str] = []
    in_code = False
    for line in source.splitlines():
        is_fence = line.startswith("```")
        is_prose = not in_code and _is_prose(line, continues=bool(block))
        if block and (not is_prose or _ITEM.match(line)):
            lines.append(" ".join(block))
            block = []
        if is_prose:
            block.append(line.strip() if block else line.rstrip())
        else:
            lines.append(line)
        in_code ^= is_fence
    return "\n".join([*lines, *([" ".join(block)] if block else [])])


def _is_prose(line: str, *, continues: bool) -> bool:
    """Whether the line belongs to a paragraph or a list item."""
    is_code = line.startswith("```") or (line.startswith("    ") and not continues)
    return bool(line.strip()) and not is_code and not line.startswith(("#", "|"))
