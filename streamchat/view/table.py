"""Tables for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len, chop_cells

from streamchat.view.inline import Piece, rendered
from streamchat.view.marks import Marks

Cell = list[Piece]
_GAP = 3
_NARROWEST = 4
"""A column of fewer cells cannot be read; the row is then shown as a list."""
_MORE = 8
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
    """Returns where each column is aligned to, "" if this is not the line below the headings."""
    found = row(line)
    if not all(_DELIMITER.fullmatch(cell) for cell in found):
        return []
    ends = [(cell.startswith(":"), cell.endswith(":")) for cell in found]
    return ["center" if all(end) else "right" if end[1] else "left" for end in ends]


class Table:
    """Lays rows out. A column is as wide as it needs to be in the rows seen so far.

    Args:
        headings: the source of the first row's cells.
        aligned: where each column is aligned to: left, right or center.
        width: how many cells of the terminal there are.
        marks: what to draw with.
    """

    def __init__(
        self, headings: Sequence[str], aligned: Sequence[str], width: int, marks: Marks
    ) -> None:
        self._headings = [_cell(heading, "heading") for heading in headings]
        self._aligned = aligned
        self._marks = marks
        self._natural = [_width(cell) for cell in self._headings]
        self._fixed: Sequence[int] | None = None
        self.width = width

    def add(self, sources: Sequence[str]) -> list[Cell]:
        """Returns a row for `lines`, and makes room for it."""
        fitted = self._fitted(sources)
        pairs = zip(self._natural, fitted, strict=True)
        self._natural = [max(had, _width(cell)) for had, cell in pairs]
        return fitted

    def fix(self) -> None:
        """Keeps the columns as they are, so that rows can be shown for good."""
        if self._fixed is None:
            self._fixed = self._roomy()

    def _fitted(self, sources: Sequence[str]) -> list[Cell]:
        """As many cells as there are headings; what is beyond goes to the last."""
        count = len(self._headings)
        last = " | ".join(sources[count - 1 :])
        padded = [*sources[: count - 1], last, *[""] * count][:count]
        return [_cell(source) for source in padded]

    def head(self) -> list[Cell]:
        """Returns the lines above the first row."""
        widths = self._widths()
        if not widths:
            return []
        line, cross = self._marks.line, self._marks.cross
        rule = f"{line}{cross}{line}".join(line * width for width in widths)
        return [*self._lines(self._headings, widths), [(rule, "rule")]]

    def lines(self, cells: list[Cell]) -> list[Cell]:
        """Returns the lines of a row."""
        widths = self._widths()
        return self._lines(cells, widths) if widths else self._listed(cells)

    def open_line(self, sources: Sequence[str]) -> Cell:
        """Returns a row that is not whole, in one line."""
        widths = self._widths() or self._natural
        pieces: Cell = []
        for at, cell in enumerate(self._fitted(sources)[: len(sources)]):
            space = widths[at] - _width(cell) if at < len(sources) - 1 else 0
            pieces += [*([self._bar()] if at else []), *cell, (" " * space, "")]
        return pieces

    def _widths(self) -> Sequence[int]:
        """Returns each column's width, or none if they cannot stand side by side."""
        if self._fixed is not None:
            return self._fixed
        room = self.width - _GAP * (len(self._natural) - 1)
        if sum(self._natural) <= room:
            return self._natural
        if room < _NARROWEST * len(self._natural):
            return []
        return _shared(room, self._natural)

    def _roomy(self) -> Sequence[int]:
        """Returns widths for rows that are not known yet: some more, where there is room."""
        widths = self._widths()
        left = self.width - _GAP * (len(widths) - 1) - sum(widths)
        each = left // len(widths) if widths else 0
        return [width + min(each, width // 2 + _MORE) for width in widths]

    def _lines(self, cells: list[Cell], widths: Sequence[int]) -> list[Cell]:
        wrapped = [list(_wrapped(cell, width)) for cell, width in zip(cells, widths, strict=True)]
        return [self._joined(parts, widths) for parts in zip_longest(*wrapped, fillvalue=[])]

    def _joined(self, parts: Sequence[Cell], widths: Sequence[int]) -> Cell:
        pieces: Cell = []
        for at, (part, width) in enumerate(zip(parts, widths, strict=True)):
            space = width - _width(part)
            before = {"right": space, "center": space // 2}.get(self._aligned[at], 0)
            after = space - before if at < len(widths) - 1 else 0
            bar = [self._bar()] if at else []
            pieces += [*bar, (" " * before, ""), *part, (" " * after, "")]
        return [piece for piece in pieces if piece[0]]

    def _bar(self) -> Piece:
        return f" {self._marks.bar} ", "rule"

    def _listed(self, cells: list[Cell]) -> list[Cell]:
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


def _shared(room: int, natural: Sequence[int]) -> list[int]:
    """Narrow columns get what they need, and the others the same share of the rest."""
    widths = [0] * len(natural)
    left = sorted(range(len(natural)), key=lambda at: natural[at])
    while left:
        share = room // len(left)
        widths[left[0]] = min(natural[left[0]], share)
        room -= widths[left.pop(0)]
    return widths


def _wrapped(cell: Cell, width: int) -> Iterator[Cell]:
    """Yields the cell's lines, broken between words, and within those that are too long."""
    line: Cell = []
    used = 0
    for text, style in _words(cell):
        length = cell_len(text)
        if text == "\n" or used + length > width:
            if line or text == "\n":
                yield line
            line, used = [], 0
            if text.isspace():
                continue  # the break stands for it
            *whole, text = chop_cells(text, width)
            yield from ([(part, style)] for part in whole)
            length = cell_len(text)
        line.append((text, style))
        used += length
    yield line


def _words(cell: Cell) -> Iterator[Piece]:
    for text, style in cell:
        for word in re.findall(r"\n| +|[^ \n]+", text):
            yield word, style
