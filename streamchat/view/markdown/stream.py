"""Markdown for a terminal: spans that are final, and the tail that can still change.

Everything but tables comes in lines as long as they were written, for the terminal to wrap: copied
text is whole again, and a window can be made wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from streamchat.view.glyphs import UNICODE_GLYPHS, Glyphs
from streamchat.view.markdown.blocks import BlockParser
from streamchat.view.markdown.highlight import LONGEST_LINE, Highlighter
from streamchat.view.markdown.inline import Inline, Span
from streamchat.view.markdown.syntax import LONG, Fence, split_cells, split_row
from streamchat.view.markdown.table import Cell, Table

_RULE_LENGTH = 24


class MarkdownStream(BlockParser):
    """Takes Markdown in pieces of any size.

    Args:
        width: the terminal's, in cells. It may change at any time; tables that are not finished
            are laid out anew.
        glyphs: the characters to draw with.
    """

    def __init__(self, width: int, glyphs: Glyphs = UNICODE_GLYPHS) -> None:
        super().__init__()
        self.width = width
        self._glyphs = glyphs
        self._settled: list[Span] = []
        self._began = False
        self._blank = False
        """Whether an empty line separates the next block from the text so far."""
        self._blank_quotes = 0
        """How many quotes that line is in."""
        self._inline: Inline | None = None
        """The open paragraph or heading."""
        self._table: Table | None = None
        self._highlighter: Highlighter | None = None
        self._columns: list[int] = []
        """The screen columns of the text of the open items, and perhaps of more."""

    def take(self) -> list[Span]:
        """Return the spans that have become final since the last call."""
        taken, self._settled = self._settled, []
        return [span for span in taken if span[0]]

    def tail(self) -> list[Span]:
        """Return the spans after the final ones, guessing what is still undecided."""
        spans = self._inline.tail() if self._inline else []
        if self._heading_row is not None:
            spans += self._headings_tail(self._heading_row)
        elif self._table:
            spans += self._table_tail(self._table)
        elif self._fence:
            spans += self._code_tail(self._fence)
        elif self._line.lstrip().startswith("|"):
            spans += self._headings_tail(self._line)
        elif self._line:
            spans += self._line_tail()
        return spans

    # Text

    def begin_text(self, heading: int) -> None:
        self._inline = Inline(f"heading h{heading}" if heading else "")

    def continue_paragraph(self) -> None:
        self.add_text("\n" + "".join(text for text, _ in self._prefix()))

    def add_text(self, text: str) -> None:
        assert self._inline
        self._settled += self._inline.feed(text)

    def add_rule(self) -> None:
        self._settled.append((self._glyphs.line * _RULE_LENGTH, "rule"))

    def begin_item(self, mark: str) -> None:
        shown = self._glyphs.bullet if mark in "-+*" else mark
        self._settled.append((f"{shown} ", "mark"))
        self._columns[len(self._items) :] = [self._column() + len(shown) + 1]

    def end_block(self) -> None:
        if self._inline:
            self._settled += self._inline.feed("", final=True)
            self._inline = None
        if self._table:
            self._settle_rows(self._table.take(self._room, whole=True))
            self._table = None

    def _line_tail(self) -> list[Span]:
        """Return the current line. A mark alone is left out until it turns out to be text."""
        line = _limit(self._line.strip())
        if line.startswith(("```", "~~~")):
            return [*self._lead()[:1], (self._fence_line(line.strip("`~ ")), "fence")]
        return [*self._lead(), (line, "")] if any(map(str.isalnum, line)) else []

    # Code

    def open_fence(self, info: str) -> None:
        self._settled += [*self._lead()[:1], (self._fence_line(info), "fence")]
        self._began, self._blank = True, False
        self._highlighter = None
        with suppress(LookupError):
            self._highlighter = Highlighter(info.split()[0] if info else "")

    def needs_whole_line(self, code: str) -> bool:
        return self._highlighter is not None and len(code) <= LONGEST_LINE

    def begin_code_line(self) -> None:
        self._settled.append(("\n", ""))

    def add_code(self, text: str) -> None:
        self._settled.append((text, ""))

    def add_code_line(self, code: str) -> None:
        if self._highlighter and self.needs_whole_line(code):
            self._settled += self._highlighter.highlight(code)
        else:
            self.add_code(code)

    def close_fence(self) -> None:
        self._settled += [("\n", ""), (self._fence_line(""), "fence")]

    def _fence_line(self, info: str) -> str:
        return f"{self._glyphs.line * 3} {info}".rstrip()

    def _code_tail(self, fence: Fence) -> list[Span]:
        quotes, content = self._strip_quotes(complete=False)
        if self._flow or quotes is None or fence.may_be_closed_by(content):
            return []
        code = fence.strip_indent(content)
        spans = self._highlighter.peek(code) if self._highlighter else [(code, "")]
        return [("\n", ""), *spans]

    # Tables

    def begin_table(self, headings: Sequence[str], alignments: Sequence[str]) -> None:
        self._table = Table(headings, alignments, self._glyphs)

    def add_row(self, cells: Sequence[str]) -> None:
        assert self._table
        self._table.add(cells)
        self._settle_rows(self._table.take(self._room))

    def _settle_rows(self, lines: list[Cell]) -> None:
        for line in lines:
            self._settled += [*self._lead(), *line]
            self._began, self._blank = True, False

    def _headings_tail(self, line: str) -> list[Span]:
        """Return the line as the headings of a table, which it most likely is."""
        headings = split_row(_limit(line))
        table = Table(headings, [""] * len(headings), self._glyphs)
        return [*self._lead(), *table.lines(10**6)[0]]

    def _table_tail(self, table: Table) -> list[Span]:
        _, line = self._strip_quotes(complete=False)
        lines = table.lines(self._room, split_cells(_limit(line)) if line.strip() else ())
        between: list[Span] = [("\n", ""), *self._prefix()]
        spans = [span for line in lines for span in (*between, *line)]
        return [*self._lead(), *spans[len(between) :]]

    @property
    def _room(self) -> int:
        """The cells that a table may take."""
        return max(self.width - sum(len(text) for text, _ in self._prefix()), 1)

    # The beginnings of lines

    def begin_line(self) -> None:
        self._settled += self._lead()
        self._began, self._blank = True, False

    def add_blank_line(self, quotes: int) -> None:
        self._blank, self._blank_quotes = self._began, quotes

    def _lead(self) -> list[Span]:
        """Return the spans between the text so far and the next block."""
        if self._item_column is not None:
            return []
        if self._blank:
            return [("\n" + ">" * self._blank_quotes + "\n", "quote"), *self._prefix()]
        return [("\n" if self._began else "", ""), *self._prefix()]

    def _prefix(self) -> list[Span]:
        return [("> " * self._quotes, "quote"), (" " * self._column(), "")]

    def _column(self) -> int:
        """The screen column that text inside the open items begins in."""
        return self._columns[len(self._items) - 1] if self._items else 0


def _limit(line: str) -> str:
    """Return the end of a line that is not final: no more than can be laid out for each frame."""
    return line[-LONG:]
