"""Markdown tables laid out for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TypeAlias

from rich.cells import cell_len, chop_cells

from streamchat.view.glyphs import Glyphs
from streamchat.view.markdown.inline import Span, render_inline

Cell: TypeAlias = list[Span]
Row: TypeAlias = list[Cell]
_ROWS = 10
"""How many rows decide the widths of the columns."""
_GAP = 3
_LONGEST_WORD = 16
"""Longer words, such as URLs, may be broken. If words do not fit, rows are shown as lists."""
_SPARE = 4
"""Cells that a column may get beyond half its width when the widths are fixed."""
_BREAK = re.compile(r"<br ?/?>")


class Table:
    """Lays rows out as they arrive, with columns as wide as the rows so far need.

    After `_ROWS` rows the widths are fixed, and every complete row is final.

    Args:
        headers: the source of the header cells.
        alignments: one for each column: left, right or center.
        glyphs: the characters to draw with.
    """

    def __init__(self, headers: Sequence[str], alignments: Sequence[str], glyphs: Glyphs) -> None:
        self._headers = [_parse_cell(header, "heading") for header in headers]
        self._alignments = alignments
        self._glyphs = glyphs
        self._waiting: list[Row] = []
        """The complete rows that `take` has not returned yet."""
        self._begun = False
        """Whether `take` has returned the header."""
        self._wanted = [_measure(cell) for cell in self._headers]
        self._least = [_measure_longest_word(cell) for cell in self._headers]
        self._fixed: Sequence[int] | None = None
        self._cached: tuple[object, list[Cell]] = (None, [])

    def add(self, sources: Sequence[str]) -> None:
        """Add a complete row."""
        row = self._make_row(sources)
        self._wanted, self._least = self._measure_with(row)
        self._waiting.append(row)

    def take(self, width: int, *, whole: bool = False) -> list[Cell]:
        """Return the lines that have become final.

        Args:
            width: the most cells that they may take.
            whole: whether the table has ended.
        """
        if self._fixed is None and len(self._waiting) >= _ROWS:
            self._fixed = self._fix_widths(width)
        if self._fixed is None and not whole:
            return []
        lines = self.peek(width)
        self._waiting, self._begun, self._cached = [], True, (None, [])
        return lines

    def peek(self, width: int, open_row: Sequence[str] = ()) -> list[Cell]:
        """Return the lines that are not final, including those of an incomplete row."""
        if not open_row:
            return self._lay_out(self._choose_widths(width, self._wanted, self._least))
        row = self._make_row(open_row)
        widths = self._choose_widths(width, *self._measure_with(row))
        return self._lay_out(widths) + self._draw_row(row, widths)

    def _lay_out(self, widths: Sequence[int]) -> list[Cell]:
        """Return the lines of the complete rows, which rarely change between frames."""
        key = (tuple(widths), len(self._waiting), self._begun)
        if self._cached[0] != key:
            rows = (line for row in self._waiting for line in self._draw_row(row, widths))
            self._cached = (key, [*self._draw_header(widths), *rows])
        return self._cached[1]

    def _draw_row(self, row: Row, widths: Sequence[int]) -> list[Cell]:
        return self._lay_out_row(row, widths) if widths else self._list_cells(row)

    def _make_row(self, sources: Sequence[str]) -> Row:
        """Return a row's cells, with surplus ones joined to the last."""
        count = len(self._headers)
        last = " | ".join(sources[count - 1 :])
        padded = [*sources[: count - 1], last, *[""] * count]
        return [_parse_cell(source) for source in padded[:count]]

    def _measure_with(self, row: Row) -> tuple[list[int], list[int]]:
        """Return the widths that the columns want, and those that they need, including this row."""
        wanted = map(max, self._wanted, map(_measure, row))
        return list(wanted), list(map(max, self._least, map(_measure_longest_word, row)))

    def _draw_header(self, widths: Sequence[int]) -> list[Cell]:
        if self._begun or (self._waiting and not widths):
            return []  # a list repeats the headers for each row
        widths = widths or self._wanted
        line, cross = self._glyphs.line, self._glyphs.cross
        rule = f"{line}{cross}{line}".join(line * width for width in widths)
        return [*self._lay_out_row(self._headers, widths), [(rule, "rule")]]

    def _choose_widths(
        self, width: int, wanted: Sequence[int], least: Sequence[int]
    ) -> Sequence[int]:
        """Return the width of each column, or nothing if words would have to be broken."""
        if self._fixed is not None:
            return self._fixed
        room = width - _GAP * (len(wanted) - 1)
        if sum(wanted) <= room:
            return wanted
        return [] if sum(least) > room else _share(room, least, wanted)

    def _fix_widths(self, width: int) -> Sequence[int]:
        """Return widths with some room to spare, for the rows to come."""
        widths = self._choose_widths(width, self._wanted, self._least)
        left = width - _GAP * (len(widths) - 1) - sum(widths)
        each = left // len(widths) if widths else 0
        return [max(width + min(each, width // 2 + _SPARE), 2) for width in widths]

    def _lay_out_row(self, cells: Row, widths: Sequence[int]) -> list[Cell]:
        wrapped = [list(_wrap(cell, width)) for cell, width in zip(cells, widths, strict=True)]
        return [self._join(parts, widths) for parts in zip_longest(*wrapped, fillvalue=[])]

    def _join(self, parts: Sequence[Cell], widths: Sequence[int]) -> Cell:
        spans: Cell = []
        for at, (part, width) in enumerate(zip(parts, widths, strict=True)):
            space = max(width - _measure(part), 0)
            before = {"right": space, "center": space // 2}.get(self._alignments[at], 0)
            after = space - before if at < len(widths) - 1 else 0
            bar = [self._bar] if at else []
            spans += [*bar, (" " * before, ""), *part, (" " * after, "")]
        return [span for span in spans if span[0]]

    @property
    def _bar(self) -> Span:
        return f" {self._glyphs.bar} ", "rule"

    def _list_cells(self, cells: Row) -> list[Cell]:
        """Return the row as a list: a line for each cell, and a rule."""
        named = zip(self._headers, cells, strict=True)
        named_cells = [[*header, (": ", "heading"), *_join_lines(cell)] for header, cell in named]
        return [*named_cells, [(self._glyphs.line * 3, "rule")]]


def _parse_cell(source: str, style: str = "") -> Cell:
    return render_inline(_BREAK.sub("\n", source.replace("\\|", "|").replace("\t", " ")), style)


def _join_lines(cell: Cell) -> Cell:
    return [(text.replace("\n", " "), style) for text, style in cell]


def _measure(cell: Cell) -> int:
    return max(cell_len(line) for line in "".join(text for text, _ in cell).split("\n"))


def _measure_longest_word(cell: Cell) -> int:
    """Return the width that a column needs for the cell."""
    text = "".join(text for text, _ in cell)
    return min(max(map(cell_len, text.split()), default=0), _LONGEST_WORD)


def _share(room: int, least: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Share the room evenly among the columns that want it, once each has its least width."""
    widths = list(least)
    left = room - sum(widths)
    while left:
        narrow = [at for at, width in enumerate(widths) if width < wanted[at]]
        for at in sorted(narrow, key=lambda at: widths[at])[:left]:
            widths[at] += 1
            left -= 1
    return widths


def _wrap(cell: Cell, width: int) -> Iterator[Cell]:
    """Yield the cell's lines, broken between words, or within words that are too long."""
    width = max(width, 2)  # the widest character takes two cells
    line: Cell = []
    used = 0
    for text, style in _split_words(cell):
        length = cell_len(text)
        if text == "\n" or used + length > width:
            if line or text == "\n":
                yield _strip_end(line)
            line, used = [], 0
            if text.isspace():
                continue  # the line break replaces the space
            *whole, text = chop_cells(text, width)
            yield from ([(part, style)] for part in whole)
            length = cell_len(text)
        line.append((text, style))
        used += length
    yield _strip_end(line)


def _strip_end(line: Cell) -> Cell:
    return line[:-1] if line and line[-1][0].isspace() else line


def _split_words(cell: Cell) -> Iterator[Span]:
    for text, style in cell:
        for word in re.findall(r"\n| +|[^ \n]+", text):
            yield word, style
