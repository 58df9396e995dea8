"""The screen after each frame of a film, as lines of styled text. Needs pyte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

import pyte
import pyte.graphics
from pyte.screens import Char

from streamchat.view.film import Frame, Size

_COLORS = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
_NUMBERS = {
    f"{bright}{name}": number + at
    for bright, number in (("", 0), ("bright", 8))
    for at, name in enumerate(_COLORS)
}


class Look(NamedTuple):
    """How text looks.

    Attributes:
        color: the number of one of the sixteen colors, `#rrggbb`, or None for the terminal's own.
    """

    color: int | str | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False


class Run(NamedTuple):
    """Text of one look, and the columns that it begins at and takes."""

    column: int
    width: int
    text: str
    look: Look


Row: TypeAlias = tuple[Run, ...]


class Picture(NamedTuple):
    """A screen.

    Attributes:
        at: since when it looks like this, in seconds.
        scrolled: the number of lines that have left at the top.
        rows: the lines, from the top.
    """

    at: float
    scrolled: int
    rows: tuple[Row, ...]


class _Emulator(pyte.Screen):
    """Counts the lines that leave at the top."""

    scrolled = 0

    def index(self) -> None:
        self.scrolled += self.cursor.y == self.lines - 1
        super().index()

    def select_graphic_rendition(self, *attributes: int, **options: Any) -> None:
        # pyte knows no dim text, and ours never blinks.
        super().select_graphic_rendition(*_replace_dim(attributes), **options)


def _replace_dim(attributes: Iterable[int]) -> Iterator[int]:
    rest = iter(attributes)
    for each in rest:
        yield 5 if each == 2 else each
        if each in (38, 48):  # a color of another palette, whose parameters follow
            kind = next(rest, 5)
            yield kind
            yield from (value for value, _ in zip(rest, range(3 if kind == 2 else 1), strict=False))


def draw_pictures(frames: Iterable[Frame], size: Size) -> list[Picture]:
    """Return the screens that differ from the ones before them, the first at 0 seconds."""
    emulator = _Emulator(size.columns, size.lines)
    stream = pyte.Stream(emulator)
    rows: list[Row] = [()] * size.lines
    pictures = [Picture(0.0, 0, tuple(rows))]
    for at, group in groupby(frames, key=lambda frame: frame.at):
        for frame in group:
            stream.feed(frame.text)
        for number in emulator.dirty:
            rows[number] = _read_row(emulator, number)
        emulator.dirty.clear()
        picture = Picture(at, emulator.scrolled, tuple(rows))
        if picture[1:] != pictures[-1][1:]:
            if at == pictures[-1].at:
                pictures.pop()
            pictures.append(picture)
    return pictures


def _read_row(emulator: _Emulator, number: int) -> Row:
    row = [emulator.buffer[number][column] for column in range(emulator.columns)]
    while row and not row[-1].data.strip():
        del row[-1]
    return tuple(_join(row))


def _join(row: Sequence[Char]) -> Iterator[Run]:
    column = 0
    for look, group in groupby(row, key=_find_look):
        cells = [each.data for each in group]
        yield Run(column, len(cells), "".join(cells), look)
        column += len(cells)


def _find_look(cell: Char) -> Look:
    is_hex = len(cell.fg) == 6 and cell.fg not in _NUMBERS
    color = f"#{cell.fg}" if is_hex else _NUMBERS.get(cell.fg)
    return Look(color, cell.bold, cell.blink, cell.italics, cell.underscore, cell.strikethrough)
