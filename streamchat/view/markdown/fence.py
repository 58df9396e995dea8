"""Code between two fences."""

from __future__ import annotations

from contextlib import suppress

from streamchat.view.markdown.highlight import LONGEST_LINE, Highlighter
from streamchat.view.markdown.inline import Piece
from streamchat.view.markdown.syntax import LONG, indented


class Fence:
    """Tells what lines of code look like, and which one ends them.

    Args:
        mark: what it was opened with.
        indent: how far that was indented.
        info: what stood behind it; the first word names the language.
    """

    def __init__(self, mark: str, indent: int, info: str) -> None:
        self._mark = mark
        self._indent = indent
        self._highlighter: Highlighter | None = None
        with suppress(LookupError):
            self._highlighter = Highlighter(info.split()[0] if info else "")

    def stripped(self, line: str) -> str:
        """Returns the line without what it is indented by because the fence is."""
        return line[min(self._indent, len(line) - len(line.lstrip(" "))) :]

    def is_closed_by(self, line: str) -> bool:
        """Whether this whole line is the other fence."""
        indent, content = indented(line)
        mark = content.rstrip(" \t")
        near = indent < self._indent + 4 and len(line) <= LONG
        return near and mark.startswith(self._mark) and not mark.strip(mark[0])

    def may_be_closed_by(self, line: str) -> bool:
        """Whether a line that begins like this can become the other fence."""
        return len(line) <= LONG and not line.strip(" \t").strip(self._mark[0])

    def colours(self, code: str) -> bool:
        """Whether the line is coloured, which takes all of it."""
        return self._highlighter is not None and len(code) <= LONGEST_LINE

    def coloured(self, code: str) -> list[Piece]:
        """Returns the next line."""
        if self._highlighter and self.colours(code):
            return self._highlighter.line(code)
        return [(code, "")]

    def peek(self, code: str) -> list[Piece]:
        """Returns a line that is not whole as it looks so far."""
        return self._highlighter.peek(code) if self._highlighter else [(code, "")]
