"""Tables for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TypeAlias

from rich.cells import cell_len, chop_cells

from streamchat.view.glyphs import Glyphs
from streamchat.view.markdown.inline import Piece, rendered

Cell: TypeAlias = list[Piece]
Row: TypeAlias = list[Cell]
_ROWS = 10
_GAP = 3
_LONGEST_WORD = 16
"""Longer ones, such as addresses, may be broken. Rows whose words have no room become lists."""
_MORE = 4
_SPLIT = re.compile(r"(?<!\\)\|")
_DELIMITER = re.compile(r" *:?-+:? *")
_BREAK = re.compile(r"<br ?/?>")


def cells(line: str) -> list[str]:
    """Returns the source of a row's cells."""
    return [cell.strip() for cell in _SPLIT.split(line.strip().removeprefix("|"))]


def row(line: str) -> list[str]:
    """Returns the source of the cells of a whole row, which may end with a bar or not."""
    found = cells(line)
    return found[:-1] if len(found) > 1 and not found[-1] else found


def alignments(line: str) -> list[str]:
    """Returns where each column is aligned to; nothing if this is not the line below headings."""
    found = row(line)
    if not all(_DELIMITER.fullmatch(cell) for cell in found):
        return []
    ends = [(cell.startswith(":"), cell.endswith(":")) for cell in found]
    return ["center" if all(end) else "right" if end[1] else "left" for end in ends]


class Table:
    """Lays rows out as they come. A column is as wide as it needs to be in the rows seen so far.

    From the `_ROWS`th row on the columns keep their widths, and rows are final when they are whole.

    Args:
        headings: the source of the first row's cells.
        aligned: where each column is aligned to: left, right or center.
        marks: what to draw with.
    """

    def __init__(self, headings: Sequence[str], aligned: Sequence[str], marks: Glyphs) -> None:
        self._headings = [_cell(heading, "heading") for heading in headings]
        self._aligned = aligned
        self._marks = marks
        self._waiting: list[Row] = []
        """The rows that were not given out."""
        self._begun = False
        """Whether the headings were."""
        self._natural = [_width(cell) for cell in self._headings]
        self._least = [_longest_word(cell) for cell in self._headings]
        self._fixed: Sequence[int] | None = None
        self._cached: tuple[object, list[Cell]] = (None, [])

    def add(self, sources: Sequence[str]) -> None:
        """Takes a whole row."""
        row = self._row(sources)
        self._natural, self._least = self._room_for(row)
        self._waiting.append(row)

    def take(self, width: int, *, whole: bool = False) -> list[Cell]:
        """Returns the lines that are final, in so many cells of the terminal.

        Args:
            width: how many.
            whole: whether no more rows will come.
        """
        if self._fixed is None and len(self._waiting) >= _ROWS:
            self._fixed = self._roomy(width)
        if self._fixed is None and not whole:
            return []
        lines = self.lines(width)
        self._waiting, self._begun, self._cached = [], True, (None, [])
        return lines

    def lines(self, width: int, open_row: Sequence[str] = ()) -> list[Cell]:
        """Returns the lines that were not given out, the last for a row that is not whole."""
        if not open_row:
            return self._laid_out(self._widths(width, self._natural, self._least))
        row = self._row(open_row)
        widths = self._widths(width, *self._room_for(row))
        return self._laid_out(widths) + self._row_lines(row, widths)

    def _laid_out(self, widths: Sequence[int]) -> list[Cell]:
        """Returns the lines of the whole rows. They are the same for frame after frame."""
        key = (tuple(widths), len(self._waiting), self._begun)
        if self._cached[0] != key:
            rows = (line for row in self._waiting for line in self._row_lines(row, widths))
            self._cached = (key, [*self._head(widths), *rows])
        return self._cached[1]

    def _row_lines(self, row: Row, widths: Sequence[int]) -> list[Cell]:
        return self._lines(row, widths) if widths else self._listed(row)

    def _row(self, sources: Sequence[str]) -> Row:
        """Returns a row's cells; what there is no heading for goes to the last."""
        count = len(self._headings)
        last = " | ".join(sources[count - 1 :])
        return [_cell(source) for source in [*sources[: count - 1], last, *[""] * count][:count]]

    def _room_for(self, row: Row) -> tuple[list[int], list[int]]:
        """Returns how wide the columns want to be and must be with this row."""
        natural = map(max, self._natural, map(_width, row))
        return list(natural), list(map(max, self._least, map(_longest_word, row)))

    def _head(self, widths: Sequence[int]) -> list[Cell]:
        if self._begun or (self._waiting and not widths):
            return []  # a list names its headings with each row
        widths = widths or self._natural
        line, cross = self._marks.line, self._marks.cross
        rule = f"{line}{cross}{line}".join(line * width for width in widths)
        return [*self._lines(self._headings, widths), [(rule, "rule")]]

    def _widths(self, width: int, natural: Sequence[int], least: Sequence[int]) -> Sequence[int]:
        """Returns each column's width, or none if words would have to be broken for them."""
        if self._fixed is not None:
            return self._fixed
        room = width - _GAP * (len(natural) - 1)
        if sum(natural) <= room:
            return natural
        return [] if sum(least) > room else _shared(room, least, natural)

    def _roomy(self, width: int) -> Sequence[int]:
        """Returns widths for rows that are not known yet: some more, where there is room."""
        widths = self._widths(width, self._natural, self._least)
        left = width - _GAP * (len(widths) - 1) - sum(widths)
        each = left // len(widths) if widths else 0
        return [max(width + min(each, width // 2 + _MORE), 2) for width in widths]

    def _lines(self, cells: Row, widths: Sequence[int]) -> list[Cell]:
        wrapped = [list(_wrapped(cell, width)) for cell, width in zip(cells, widths, strict=True)]
        return [self._joined(parts, widths) for parts in zip_longest(*wrapped, fillvalue=[])]

    def _joined(self, parts: Sequence[Cell], widths: Sequence[int]) -> Cell:
        pieces: Cell = []
        for at, (part, width) in enumerate(zip(parts, widths, strict=True)):
            space = max(width - _width(part), 0)
            before = {"right": space, "center": space // 2}.get(self._aligned[at], 0)
            after = space - before if at < len(widths) - 1 else 0
            bar = [self._bar()] if at else []
            pieces += [*bar, (" " * before, ""), *part, (" " * after, "")]
        return [piece for piece in pieces if piece[0]]

    def _bar(self) -> Piece:
        return f" {self._marks.bar} ", "rule"

    def _listed(self, cells: Row) -> list[Cell]:
        """One line for each cell, and a line between rows."""
        named = zip(self._headings, cells, strict=True)
        named_cells = [[*heading, (": ", "heading"), *_flat(cell)] for heading, cell in named]
        return [*named_cells, [(self._marks.line * 3, "rule")]]


def _cell(source: str, style: str = "") -> Cell:
    return rendered(_BREAK.sub("\n", source.replace("\\|", "|").replace("\t", " ")), style)


def _flat(cell: Cell) -> Cell:
    return [(text.replace("\n", " "), style) for text, style in cell]


def _width(cell: Cell) -> int:
    return max(cell_len(line) for line in "".join(text for text, _ in cell).split("\n"))


def _longest_word(cell: Cell) -> int:
    """Returns how wide a column must at least be."""
    text = "".join(text for text, _ in cell)
    return min(max(map(cell_len, text.split()), default=0), _LONGEST_WORD)


def _shared(room: int, least: Sequence[int], natural: Sequence[int]) -> list[int]:
    """All get what they must have, and the same of the rest, but no more than they need."""
    widths = list(least)
    left = room - sum(widths)
    while left:
        narrow = [at for at, width in enumerate(widths) if width < natural[at]]
        for at in sorted(narrow, key=lambda at: widths[at])[:left]:
            widths[at] += 1
            left -= 1
    return widths


def _wrapped(cell: Cell, width: int) -> Iterator[Cell]:
    """Yields the cell's lines, broken between words, and within those that are too long."""
    width = max(width, 2)  # there are characters that take two
    line: Cell = []
    used = 0
    for text, style in _words(cell):
        length = cell_len(text)
        if text == "\n" or used + length > width:
            if line or text == "\n":
                yield _stripped(line)
            line, used = [], 0
            if text.isspace():
                continue  # the break stands for it
            *whole, text = chop_cells(text, width)
            yield from ([(part, style)] for part in whole)
            length = cell_len(text)
        line.append((text, style))
        used += length
    yield _stripped(line)


def _stripped(line: Cell) -> Cell:
    """Returns the line without the space at its end."""
    return line[:-1] if line and line[-1][0].isspace() else line


def _words(cell: Cell) -> Iterator[Piece]:
    for text, style in cell:
        for word in re.findall(r"\n| +|[^ \n]+", text):
            yield word, style
