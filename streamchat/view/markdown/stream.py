"""Markdown for a terminal: spans that are final, and the tail that can still change.

Lines keep their length, except in tables, and are left to the terminal to wrap: so they are copied
whole, and can be wrapped again when the window is resized.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from streamchat.view.glyphs import UNICODE_GLYPHS, Glyphs
from streamchat.view.markdown.blocks import BlockParser
from streamchat.view.markdown.highlight import MAX_LINE, Highlighter
from streamchat.view.markdown.inline import Inline, Span
from streamchat.view.markdown.syntax import MAX_AMBIGUOUS, Fence, is_row, split_cells, split_row
from streamchat.view.markdown.table import Cell, Table

_RULE_LENGTH = 24


class MarkdownStream(BlockParser):
    """Takes Markdown in pieces of any size.

    Args:
        width: the terminal's, in cells. It may change at any time: tables that are not finished
            are laid out again.
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
        self._table_began = False
        """Whether the first line of the table is final."""
        self._highlighter: Highlighter | None = None
        self._columns: list[int] = []
        """The screen columns of the text in the open items; any more are out of date."""

    def take(self) -> list[Span]:
        """Return the spans that have become final since the last call."""
        taken, self._settled = self._settled, []
        return [span for span in taken if span[0]]

    def peek(self) -> list[Span]:
        """Return the spans after the final ones, guessing what is still undecided."""
        if self._held is not None:
            return self._peek_held(self._held)
        spans = self._inline.peek() if self._inline else []
        if self._table:
            spans += self._peek_table(self._table)
        elif self._fence:
            spans += self._peek_code(self._fence)
        elif self._line:
            spans += self._peek_line(self._line, self._lead)
        return spans

    # Text

    def begin_text(self, heading: int) -> None:
        self._inline = Inline(f"heading h{heading}" if heading else "")

    def continue_paragraph(self) -> None:
        self.add_text("\n" + "".join(text for text, _ in self._prefix))

    def add_text(self, text: str) -> None:
        assert self._inline
        self._settled += self._inline.feed(text)

    def add_rule(self) -> None:
        self._settled.append((self._glyphs.line * _RULE_LENGTH, "rule"))

    def begin_item(self, mark: str, box: str) -> None:
        shown = self._glyphs.bullet if mark in "-+*" else mark
        if box:
            sign = self._glyphs.unchecked if box == " " else self._glyphs.checked
            shown = sign if mark in "-+*" else f"{mark} {sign}"
        self._settled.append((f"{shown} ", "mark"))
        self._columns[len(self._items) :] = [self._column + len(shown) + 1]

    def end_block(self) -> None:
        if self._inline:
            self._settled += self._inline.feed("", final=True)
            self._inline = None
        if self._table:
            self._settle_rows(self._table.take(self._room, whole=True))
            self._table = None

    def _peek_line(self, line: str, lead: list[Span]) -> list[Span]:
        """Return the current line, unless it is only a mark, which may not turn out to be text."""
        line = _limit(line.strip())
        if line.startswith(("```", "~~~")):
            return [*lead[:1], (self._format_fence(line.strip("`~ ")), "fence")]
        return [*lead, *Inline().peek(line)] if any(map(str.isalnum, line)) else []

    def _peek_held(self, line: str) -> list[Span]:
        """Return the line that is held, most likely as text if it does not begin with a bar."""
        inline = self._inline or Inline()
        if line.startswith("|") or "|" in self._line:
            return inline.peek() + self._peek_header(line)
        return inline.peek(line)

    # Code

    def open_fence(self, info: str) -> None:
        self._settled += [*self._lead[:1], (self._format_fence(info), "fence")]
        self._began, self._blank = True, False
        self._highlighter = None
        with suppress(LookupError):
            self._highlighter = Highlighter(info.split()[0] if info else "")

    def needs_whole_line(self, code: str) -> bool:
        return self._highlighter is not None and len(code) <= MAX_LINE

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
        self._settled += [("\n", ""), (self._format_fence(""), "fence")]

    def _format_fence(self, info: str) -> str:
        return f"{self._glyphs.line * 3} {info}".rstrip()

    def _peek_code(self, fence: Fence) -> list[Span]:
        quotes, content = self._strip_quotes(complete=False)
        if self._flow or quotes is None or fence.may_be_closed_by(content):
            return []
        code = fence.strip_indent(content)
        spans = self._highlighter.peek(code) if self._highlighter else [(code, "")]
        return [("\n", ""), *spans]

    # Tables

    def begin_table(self, headers: Sequence[str], alignments: Sequence[str]) -> None:
        self._table, self._table_began = Table(headers, alignments, self._glyphs), False

    def add_row(self, cells: Sequence[str]) -> None:
        assert self._table
        self._table.add(cells)
        self._settle_rows(self._table.take(self._room))

    def _settle_rows(self, lines: list[Cell]) -> None:
        for line in lines:
            self._settled += [*(self._lead if self._table_began else []), *line]
            self._table_began = True

    def _peek_header(self, line: str) -> list[Span]:
        """Return the line as the header of a table, which it most likely is."""
        headers = split_row(_limit(line))
        table = Table(headers, [""] * len(headers), self._glyphs)
        return table.peek(10**6)[0]

    def _peek_table(self, table: Table) -> list[Span]:
        _, source = self._strip_quotes(complete=False)
        open_row = is_row(source.strip())
        lines = table.peek(self._room, split_cells(_limit(source)) if open_row else ())
        between = self._lead
        spans = [span for line in lines for span in (*between, *line)]
        below = [] if open_row else self._peek_line(source, between)
        return [*spans[0 if self._table_began else len(between) :], *below]

    @property
    def _room(self) -> int:
        """The width that a table may take, in cells."""
        return max(self.width - sum(len(text) for text, _ in self._prefix), 1)

    # Beginnings of lines

    def begin_line(self) -> None:
        self._settled += self._lead
        self._began, self._blank = True, False

    def add_blank_line(self, quotes: int) -> None:
        self._blank, self._blank_quotes = self._began, quotes

    @property
    def _lead(self) -> list[Span]:
        """The spans between the text so far and the next block."""
        if self._item_column is not None:
            return []
        if self._blank:
            return [("\n" + ">" * self._blank_quotes + "\n", "quote"), *self._prefix]
        return [("\n" if self._began else "", ""), *self._prefix]

    @property
    def _prefix(self) -> list[Span]:
        """The spans that every line in the open quotes and items begins with."""
        return [("> " * self._quotes, "quote"), (" " * self._column, "")]

    @property
    def _column(self) -> int:
        """The screen column where text in the open items begins."""
        return self._columns[len(self._items) - 1] if self._items else 0


def _limit(line: str) -> str:
    """Return the end of a line that is not final, as it is laid out again for each frame."""
    return line[-MAX_AMBIGUOUS:]
