"""Markdown for a terminal: spans that are final, and the tail that can still change.

Prose is wrapped between words, or left to the terminal to wrap: then it is copied without line
breaks of ours, and wrapped again when the window is resized. Code always is left to the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from streamchat.view.glyphs import UNICODE_GLYPHS, Glyphs
from streamchat.view.markdown.blocks import BlockParser
from streamchat.view.markdown.inline import Inline, Span
from streamchat.view.markdown.lexers import MAX_LINE, CodeBlock, FinalText
from streamchat.view.markdown.syntax import MAX_AMBIGUOUS, Fence, is_row, split_cells, split_row
from streamchat.view.markdown.table import Cell, Table
from streamchat.view.markdown.wrap import Hang, Part, WordWrap, fit_hang

_RULE_LENGTH = 24


class MarkdownStream(BlockParser):
    """Takes Markdown in pieces of any size.

    Args:
        width: the terminal's, in cells. It may change at any time: what is not final is laid out
            again.
        glyphs: the characters to draw with.
        wrap: whether to wrap prose between words, with a hanging indentation, and to indent code
            that belongs to an item or a quote like the rest of it.
        code_style: a Pygments style for code; None for a plain one of sixteen colors.
    """

    def __init__(
        self,
        width: int,
        glyphs: Glyphs = UNICODE_GLYPHS,
        *,
        wrap: bool = False,
        code_style: str | None = None,
    ) -> None:
        super().__init__()
        self.width = width
        self._glyphs = glyphs
        self._wrap = WordWrap(width) if wrap else None
        self._code_style = code_style
        self._final = FinalText()
        self._began = False
        self._blank = False
        """Whether an empty line separates the next block from the text so far."""
        self._blank_line = ""
        """What that line consists of."""
        self._inline: Inline | None = None
        """The open paragraph or heading."""
        self._hang: list[Span] = []
        """What its lines begin with."""
        self._table: Table | None = None
        self._table_began = False
        """Whether the first line of the table is final."""
        self._code = CodeBlock("", code_style)
        """The open fenced block, or the last one."""
        self._columns: list[int] = []
        """The columns of the text in the open items; any more are out of date."""

    def take(self) -> list[Span]:
        """Return the spans that have become final since the last call."""
        return self._final.take()

    def peek(self) -> list[Span]:
        """Return the spans after the final ones, guessing what is still undecided."""
        parts = self._guess_rest()
        if not self._wrap:
            rest = [span for spans, _ in parts for span in spans]
        else:
            self._wrap.width = self.width
            rest = self._wrap.peek(parts)
        return self._final.peek() + rest

    def finish(self) -> None:
        """Take the end of the text; wait for lexers that are still loading."""
        super().finish()
        self._final.finish()

    def _guess_rest(self) -> Iterator[Part]:
        if self._held is not None:
            yield from self._guess_held(self._held)
            return
        if self._inline:
            yield self._inline.peek(), self._hang
        if self._table:
            yield from self._guess_table(self._table)
        elif self._fence:
            yield self._guess_code(self._fence), None
        elif self._line:
            quotes, line = self._strip_quotes(complete=False)
            line = line if quotes == self._nesting.quotes else self._line
            yield from self._guess_line(line, self._lead)

    def _settle(self, spans: Sequence[Span], hang: Hang | None = None) -> None:
        """Add final text: prose, if given with what hangs on its lines, or else text as it is."""
        if self._wrap:
            self._wrap.width = self.width
            spans = self._wrap.feed(spans, hang)
        self._final.add(spans)

    # Text

    def begin_text(self, heading: int) -> None:
        self._inline = self._make_inline(f"heading h{heading}" if heading else "")
        self._hang = self._prefix

    def continue_paragraph(self) -> None:
        prefix = [] if self._wrap else self._prefix  # which hangs on the text when it is wrapped
        self.add_text("\n" + "".join(text for text, _ in prefix))

    def add_text(self, text: str) -> None:
        assert self._inline
        self._settle(self._inline.feed(text), self._hang)

    def add_rule(self) -> None:
        length = min(_RULE_LENGTH, self._room) if self._wrap else _RULE_LENGTH
        self._settle([(self._glyphs.line * length, "rule")])

    def begin_item(self, mark: str, box: str) -> None:
        shown = self._glyphs.bullet if mark in "-+*" else mark
        if box:
            sign = self._glyphs.unchecked if box == " " else self._glyphs.checked
            shown = sign if mark in "-+*" else f"{mark} {sign}"
        self._settle([(f"{shown} ", "mark")])
        depth = len(self._nesting.around) + len(self._nesting.items)
        self._columns[depth:] = [self._column + len(shown) + 1]

    def end_block(self) -> None:
        if self._inline:
            self._settle(self._inline.feed("", final=True), self._hang)
            self._settle_last_word()
            self._inline = None
        if self._table:
            self._settle_rows(self._table.take(self._room, whole=True))
            self._settle_last_word()
            self._table = None

    def _settle_last_word(self) -> None:
        """Add what wrapping has kept back; a row is wrapped if it is too long for its table."""
        self._final.add(self._wrap.finish() if self._wrap else [])

    def _make_inline(self, style: str = "") -> Inline:
        return Inline(f"{self._text_style} {style}".strip())

    def _guess_line(self, line: str, lead: list[Span]) -> Iterator[Part]:
        """Yield the current line, unless it is only a mark, which may not turn out to be text."""
        line = _limit(line.strip())
        if line.startswith(("```", "~~~")):
            fence = self._format_fence(line.strip("`~ ")), "fence"
            yield [*(lead if self._wrap else lead[:1]), fence], None
        elif any(map(str.isalnum, line)):
            yield lead, None
            yield self._make_inline().peek(line), self._prefix

    def _guess_held(self, line: str) -> Iterator[Part]:
        """Yield the line that is held, most likely as text if it does not begin with a bar."""
        inline = self._inline or self._make_inline()
        if line.startswith("|") or "|" in self._line:
            yield inline.peek(), self._prefix
            yield self._guess_header(line), None
        else:
            yield inline.peek(line), self._prefix

    @property
    def _text_style(self) -> str:
        return "quote" if self._wrap and self._nesting.quotes else ""

    # Code

    def open_fence(self, info: str) -> None:
        lead = self._lead if self._wrap else self._lead[:1]
        self._settle([*lead, (self._format_fence(info), "fence")])
        self._began, self._blank = True, False
        self._code = CodeBlock(info.split()[0] if info else "", self._code_style)

    def needs_whole_line(self, code: str) -> bool:
        return not self._code.is_plain and len(code) <= MAX_LINE

    def begin_code_line(self, *, blank: bool) -> None:
        self._settle(self._lead_code(blank=blank))

    def add_code(self, text: str) -> None:
        self._settle([(text, "")])

    def add_code_line(self, code: str) -> None:
        if self.needs_whole_line(code):
            self._final.add_code(self._code, code)
        else:
            self.add_code(code)

    def close_fence(self) -> None:
        self._settle([*self._lead_code(), (self._format_fence(""), "fence")])

    def _lead_code(self, *, blank: bool = False) -> list[Span]:
        """Return the spans between two lines of fenced code."""
        if not self._wrap:
            return [("\n", "")]
        quote, indent = self._prefix
        return [("\n", ""), *([(quote[0].rstrip(), "quote")] if blank else [quote, indent])]

    def _format_fence(self, info: str) -> str:
        return f"{self._glyphs.line * 3} {info}".rstrip()

    def _guess_code(self, fence: Fence) -> list[Span]:
        quotes, content = self._strip_quotes(complete=False)
        if self._flow or quotes is None or fence.may_be_closed_by(content):
            return []
        code = fence.strip_indent(content)
        return [*self._lead_code(), *self._code.peek(code)]

    # Tables

    def begin_table(self, headers: Sequence[str], alignments: Sequence[str]) -> None:
        self._table, self._table_began = Table(headers, alignments, self._glyphs), False

    def add_row(self, cells: Sequence[str]) -> None:
        assert self._table
        self._table.add(cells)
        self._settle_rows(self._table.take(self._room))

    def _settle_rows(self, lines: list[Cell]) -> None:
        for line in lines:
            if self._table_began:
                self._settle(self._lead)
            self._settle(*self._hang_row(line))
            self._table_began = True

    def _hang_row(self, line: Cell) -> tuple[list[Span], Hang | None]:
        """Return a line of the table; one that is too long is the cell of a list, and wrapped."""
        is_long = sum(cell_len(text) for text, _ in line) > self._room
        styled = [(text, f"{self._text_style} {style}".strip()) for text, style in line]
        return styled, [*self._prefix, ("  ", "")] if self._wrap and is_long else None

    def _guess_header(self, line: str) -> list[Span]:
        """Return the line as the header of a table, which it most likely is."""
        headers = split_row(_limit(line))
        table = Table(headers, [""] * len(headers), self._glyphs)
        return table.peek(10**6)[0]

    def _guess_table(self, table: Table) -> Iterator[Part]:
        _, source = self._strip_quotes(complete=False)
        open_row = is_row(source.strip())
        lines = table.peek(self._room, split_cells(_limit(source)) if open_row else ())
        for at, line in enumerate(lines):
            yield self._lead if at or self._table_began else [], None
            yield self._hang_row(line)
        if not open_row:
            yield from self._guess_line(source, self._lead)

    @property
    def _room(self) -> int:
        """The width that a table may take, in cells."""
        return max(self.width - sum(len(text) for text, _ in self._prefix), 1)

    # Beginnings of lines

    def begin_line(self) -> None:
        self._settle(self._lead)
        self._began, self._blank = True, False

    def add_blank_line(self, quotes: int) -> None:
        around = " " * self._column_around if quotes else ""
        self._blank, self._blank_line = self._began, around + ">" * quotes

    @property
    def _lead(self) -> list[Span]:
        """The spans between the text so far and the next block."""
        if self._item_column is not None:
            return []
        if self._blank:
            return [(f"\n{self._blank_line}\n", "quote"), *self._prefix]
        return [("\n" if self._began else "", ""), *self._prefix]

    @property
    def _prefix(self) -> list[Span]:
        """The spans that every line in the open quotes and items begins with."""
        marks = " " * self._column_around + "> " * self._nesting.quotes
        prefix = [(marks, "quote"), (" " * self._column, "")]
        return fit_hang(prefix, self.width) if self._wrap else prefix

    @property
    def _column(self) -> int:
        """The column, after the marks of the quotes, where text in the open items begins."""
        depth = len(self._nesting.around) + len(self._nesting.items)
        return self._columns[depth - 1] if self._nesting.items else 0

    @property
    def _column_around(self) -> int:
        """The screen column where the open quotes begin."""
        depth = len(self._nesting.around)
        return self._columns[depth - 1] if depth else 0


def _limit(line: str) -> str:
    """Return the end of a line that is not final, as it is laid out again for each frame."""
    return line[-MAX_AMBIGUOUS:]
