"""Writes on a terminal so that what is final is written once, and only the rest is repainted.

The terminal itself wraps lines that are too long: what is copied from it has no line ends that were
not in the text, and most terminals lay such lines out anew when the window gets another size.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from rich.cells import get_character_cell_size

from streamchat.view.live.terminal import Terminal

Piece: TypeAlias = tuple[str, str]
"""Text without control characters but line feeds and tabs, and the sequence that sets its style."""

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_RESET = "\x1b[0m"
_TAB = 8
# Joiners, variation selectors, tones of skin, letters of flags: terminals differ in how many cells
# the characters take that are put together with them.
_UNSURE = re.compile("[\u200d\ufe0f\U0001f3fb-\U0001f3ff\U0001f1e6-\U0001f1ff]")
_REFLOWING = (
    *("TMUX", "VTE_VERSION", "KITTY_WINDOW_ID", "ALACRITTY_WINDOW_ID", "WEZTERM_PANE"),
    *("KONSOLE_VERSION", "WT_SESSION", "GHOSTTY_RESOURCES_DIR", "ITERM_SESSION_ID"),
)
_REFLOWING_TERMS = ("tmux", "xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm")


def reflows() -> bool:
    """Whether the terminal wraps what it shows anew when its width changes.

    It cannot be asked without waiting for what it says; so this goes by the variables that
    terminals set. One that is not known is taken not to: too little is wiped away then, and
    nothing is lost.
    """
    known_by_name = os.environ.get("TERM", "").startswith(_REFLOWING_TERMS)
    return known_by_name or any(name in os.environ for name in _REFLOWING)


def place(text: str, column: int, width: int) -> tuple[int, int]:
    """Returns how many rows further down the cursor is after the text, and in which column.

    Column `width` is that of a full row: the terminal wraps when the next character comes.
    """
    first, *others = text.split("\n")
    rows, column = _advanced(first, column, width)
    for line in others:
        more, column = _advanced(line, 0, width)
        rows += 1 + more
    return rows, column


def _advanced(line: str, column: int, width: int) -> tuple[int, int]:
    if line.isascii():
        end = column + len(line)
        return ((end - 1) // width, (end - 1) % width + 1) if end > width else (0, end)
    rows = 0
    for character in line:
        cells = get_character_cell_size(character)
        if column + cells > width:
            rows, column = rows + 1, 0
        column += cells
    return rows, column


class Painter:
    """Remembers what is painted, and how to get back to it.

    Args:
        terminal: where the cursor is at the beginning of a line.
        reflow: whether the terminal wraps what it shows anew when its width changes.
    """

    def __init__(self, terminal: Terminal, *, reflow: bool) -> None:
        self._terminal = terminal
        self._reflow = reflow
        self._width, self._height = terminal.size
        self._line: list[Piece] = []
        """What is final of the line that the cursor is in."""
        self._column = 0
        """Where the part begins that is not final."""
        self._painted: list[Piece] = []
        """That part."""

    def paint(self, final: Iterable[Piece], rest: Iterable[Piece]) -> None:
        """Writes what has become final, and after it what can still change."""
        self._fit()
        final, rest = self._expanded(final, rest)
        rest = self._cropped(final, rest)
        new = [*final, *rest]
        kept = _in_common(self._painted, new)
        if kept < _length(self._painted):
            self._terminal.write(f"{_BEGIN}{self._repainted(kept, new)}{_END}")
        elif added := after(new, kept):
            self._terminal.write(_written(added))
        self._finish(final)
        self._painted = rest

    def begin_anew(self) -> None:
        """The cursor was left at the beginning of a line: others have written below."""
        self._painted, self._line, self._column = [], [], 0

    def _repainted(self, kept: int, new: Sequence[Piece]) -> str:
        """Returns what takes the cursor back to where the change is, and writes from there."""
        text = _text(self._painted)
        bottom, _ = place(text, self._column, self._width)
        kept, again = self._start(text, _text(new), kept)
        row, column = place(text[:kept], self._column, self._width)
        if again:
            column -= min(_cells(_text(again)), column)
        up = f"\x1b[{bottom - row}A" if bottom > row else ""
        right = f"\x1b[{column}C" if column else ""
        written = _written([*again, *after(new, kept)])
        return f"{up}\r{right}{_erased(column, bottom - row)}{written}"

    def _start(self, old: str, new: str, kept: int) -> tuple[int, list[Piece]]:
        """Returns how much to keep, and what is final and to be written again before the rest."""
        begin = old.rfind("\n", 0, kept) + 1
        if _UNSURE.search(old[begin:kept] if begin else _text(self._line) + old[:kept]):
            # In which column that ends is not known, but where the line begins is.
            return begin, [] if begin else self._line
        while kept and self._is_no_start(old, new, kept):
            kept -= 1
        if kept or not self._is_no_start(old, new, 0):
            return kept, []
        line = _text(self._line)
        at = len(line) - 1
        while at > 0 and not get_character_cell_size(line[at]):
            at -= 1
        return 0, after(self._line, max(at, 0))

    def _is_no_start(self, old: str, new: str, kept: int) -> bool:
        """Whether the character before must be written again.

        An accent belongs to it, or it ends a full row: a terminal joins the rows of a line only if
        it has wrapped that by itself.
        """
        accents = (text[kept : kept + 1] for text in (old, new))
        if any(text and text != "\n" and not get_character_cell_size(text) for text in accents):
            return True
        return place(old[:kept], self._column, self._width)[1] == self._width

    def _fit(self) -> None:
        """Takes a new size of the window into account."""
        width, height = self._terminal.size
        if width == self._width:
            self._height = height
            return
        if self._reflow:
            self._width = width
            _, self._column = place(_text(self._line), 0, width)
        elif self._painted:
            self._terminal.write(f"{_BEGIN}{self._repainted(0, [])}{_END}")
            self._painted = []
        self._width, self._height = width, height
        self._column = min(self._column, width)

    def _finish(self, final: Sequence[Piece]) -> None:
        text = _text(final)
        _, self._column = place(text, self._column, self._width)
        begin = text.rfind("\n") + 1
        self._line = [*([] if begin else self._line), *after(final, begin)]

    def _expanded(
        self, final: Iterable[Piece], rest: Iterable[Piece]
    ) -> tuple[list[Piece], list[Piece]]:
        """Puts spaces for tabs: a terminal does not wrap at a tab."""
        final, rest = _merged(final), _merged(rest)
        if not any("\t" in text for text, _ in [*final, *rest]):
            return final, rest
        column = _cells(_text(self._line))
        final, column = _without_tabs(final, column)
        return final, _without_tabs(rest, column)[0]

    def _cropped(self, final: Sequence[Piece], rest: list[Piece]) -> list[Piece]:
        """Returns as much of the end as fits into the window: what leaves it cannot be wiped."""
        rest = self._sure(final, rest)
        text = _text(rest)
        _, start = place(_text(final), self._column, self._width)
        if place(text, start, self._width)[0] < self._height:
            return rest
        starts, column = [0], start
        for at, character in enumerate(text):
            down, column = place(character, column, self._width)
            if down:
                starts.append(at + (character == "\n"))
        first = starts[max(len(starts) - self._height + 1, 0)]
        return [("\n", ""), *after(rest, first)]

    def _sure(self, final: Sequence[Piece], rest: list[Piece]) -> list[Piece]:
        """Returns the lines of which it is known how many rows they have, up to one that is not."""
        whole = _text(self._line) + _text(final)
        line, end = whole[whole.rfind("\n") + 1 :], 0
        for number, more in enumerate(_text(rest).split("\n")):
            line = more if number else line + more
            unsure = _UNSURE.search(line)
            if unsure and _cells(line) + 2 * len(_UNSURE.findall(line)) > self._width:
                begin = len(line) - len(more)
                return _before(rest, end + max(unsure.start() - begin, 0))
            end += len(more) + 1
        return rest


def _erased(column: int, below: int) -> str:
    """Returns what erases from the cursor on, in this column and with so many rows below.

    tmux takes erasing from the window's first cell on for a clearing of the screen, and keeps what
    was there in its history. So a row is first erased by itself.
    """
    if column:
        return "\x1b[J"
    return "\x1b[K\x1b[B\x1b[J\x1b[A" if below else "\x1b[K"


def _written(pieces: Iterable[Piece]) -> str:
    parts = (f"{style}{text}{_RESET}" if style else text for text, style in pieces)
    return "".join(parts).replace("\n", "\r\n")


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(text for text, _ in pieces)


def _length(pieces: Iterable[Piece]) -> int:
    return sum(len(text) for text, _ in pieces)


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for text, style in pieces:
        if merged and merged[-1][1] == style:
            merged[-1] = (merged[-1][0] + text, style)
        elif text:
            merged.append((text, style))
    return merged


def after(pieces: Iterable[Piece], count: int) -> list[Piece]:
    """Returns the pieces without their first characters."""
    rest = []
    for text, style in pieces:
        if count < len(text):
            rest.append((text[count:], style))
        count = max(count - len(text), 0)
    return rest


def _before(pieces: Iterable[Piece], count: int) -> list[Piece]:
    """Returns the first characters of the pieces."""
    first = []
    for text, style in pieces:
        if count > 0:
            first.append((text[:count], style))
        count -= len(text)
    return first


def _in_common(old: Sequence[Piece], new: Sequence[Piece]) -> int:
    """Returns how many characters of both are the same, and look the same, from the start."""
    count = 0
    left, right = list(reversed(old)), list(reversed(new))
    while left and right:
        (a, style), (b, other) = left.pop(), right.pop()
        length = _shared(a, b) if style == other else 0
        count += length
        if length < min(len(a), len(b)):
            break
        left += [(a[length:], style)] if a[length:] else []
        right += [(b[length:], other)] if b[length:] else []
    return count


def _shared(a: str, b: str) -> int:
    short, long = sorted((a, b), key=len)
    if long.startswith(short):
        return len(short)
    return next(at for at, (x, y) in enumerate(zip(short, long, strict=False)) if x != y)


def _cells(text: str) -> int:
    return len(text) if text.isascii() else sum(map(get_character_cell_size, text))


def _without_tabs(pieces: Iterable[Piece], column: int) -> tuple[list[Piece], int]:
    expanded = []
    for text, style in pieces:
        parts = []
        for part in _split(text):
            if part == "\t":
                part = " " * (_TAB - column % _TAB)
            column = 0 if part == "\n" else column + _cells(part)
            parts.append(part)
        expanded.append(("".join(parts), style))
    return expanded, column


def _split(text: str) -> list[str]:
    """Returns the text in pieces, tabs and line feeds being their own."""
    return [
        part for part in text.replace("\n", "\0\n\0").replace("\t", "\0\t\0").split("\0") if part
    ]
