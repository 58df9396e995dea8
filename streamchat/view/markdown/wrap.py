"""Text wrapped between words as it streams.

A word gets its place as soon as it is complete, and a longer one as soon as no line can hold it. So
a word that outgrows its line moves to the next one as a whole.

Lines may be shorter than they could be, but never longer: where terminals disagree on the width of
a character, the text is laid out for the widest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import copy
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

from rich.cells import get_character_cell_size

from streamchat.view.markdown.inline import Span

Hang: TypeAlias = Sequence[Span]
"""What each line of a text but the first begins with; each of its characters takes one cell."""
Part: TypeAlias = tuple[Iterable[Span], Hang | None]
"""Text and what hangs on its lines; without a hang, text that is kept as it is, such as code."""

_MIN_ROOM = 8
"""The least cells for words in a line; in a window too narrow for that, the hang is cut off."""
_TAB = 8
_SPACES = " \t\u3000"
_JOINER = "\u200d"
UNSURE = re.compile("[\u200d\ufe0f\U0001f3fb-\U0001f3ff\U0001f1e6-\U0001f1ff]")
"""Joiners, variation selectors, skin tones, regional indicators: terminals disagree on the width of
what they combine into."""
_COMBINING = (
    "\u0300-\u036f\u20d0-\u20ff\u200d\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f"
    "\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef"
)
_OPENING, _CLOSING = "（［｛「『【《〈〔", "、。，．！？；：）］｝」』】》〉〕"  # noqa: RUF001
"""Wide punctuation that must not end a line, or not begin one."""
# Without Hangul: Korean has spaces between its words.
_WIDE = (
    "\u2e80-\u2fff\u3001-\u312f\u3190-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\uffe0-\uffe6"
    "\U0001f300-\U0001faff\U00020000-\U0003fffd"
)
"""Characters between which a line may be broken."""
_ASCII_UNIT = re.compile(r"\n|[ \t]+|[^ \t\n]+")
_UNIT = re.compile(rf"\n|[{_SPACES}]+|[{_COMBINING}]+|[{_WIDE}]|[^\n{_SPACES}{_COMBINING}{_WIDE}]+")
_IS_COMBINING = re.compile(f"[{_COMBINING}]")
_IS_WIDE = re.compile(rf"(?![{_COMBINING}])[{_WIDE}]")


class WordWrap:
    """Places the words of a text that comes in pieces of any size.

    Args:
        width: of the lines, in cells. It may change at any time; what is placed stays as it is.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._column = 0
        """Where the placed text ends."""
        self._hang: Hang = ()
        self._gap: list[Span] = []
        """The spaces before the next word, unless they do not fit."""
        self._gap_end = 0
        """The column after them; beyond the width if they do not fit."""
        self._word: list[Span] = []
        """The word that is not complete."""
        self._cells = 0
        """Its width."""
        self._is_broken = False
        """Whether the word is placed, although no line can hold it: the terminal breaks it."""
        self._is_unsure = False
        """Whether its width is unsure."""
        self._ends_wide = False
        """Whether the word ends where a line may be broken if a wide character follows."""

    def feed(self, spans: Iterable[Span], hang: Hang | None = ()) -> list[Span]:
        """Return the spans whose place has become certain.

        Args:
            spans: more text.
            hang: what its lines begin with; None if it is to be kept as it is.
        """
        placed: list[Span] = []
        if hang is not None:
            self._hang = hang
        for text, style in spans:
            if hang is None:
                self._keep(text, style, placed)
                continue
            for unit in (_ASCII_UNIT if text.isascii() else _UNIT).findall(text):
                self._add(unit, style, placed)
        return _merge(placed)

    def finish(self) -> list[Span]:
        """Return the rest of the text; other text may follow."""
        placed: list[Span] = []
        self._end_word(placed)
        self._end_gap(placed)
        return _merge(placed)

    def peek(self, parts: Iterable[Part] = ()) -> list[Span]:
        """Return the spans that follow those placed, if the text ended after these parts."""
        other = copy(self)
        other._gap, other._word = [*self._gap], [*self._word]
        return [*(span for part in parts for span in other.feed(*part)), *other.finish()]

    def _keep(self, text: str, style: str, placed: list[Span]) -> None:
        self._end_word(placed)
        self._end_gap(placed)
        placed.append((text, style))
        _, line_end, line = text.rpartition("\n")
        self._move_to(self._advance(line, 0 if line_end else self._column))

    def _add(self, unit: str, style: str, placed: list[Span]) -> None:
        if unit == "\n":
            self._end_word(placed)
            self._end_gap(placed)
            self._begin_line(style, placed)
        elif unit[0] in _SPACES:
            self._end_word(placed)
            self._add_gap(unit, style)
        else:
            self._add_to_word(unit, style, placed)

    def _add_gap(self, spaces: str, style: str) -> None:
        for space in spaces:
            if self._gap_end <= self.width:
                is_tab = space == "\t"
                self._gap_end += _TAB - self._gap_end % _TAB if is_tab else _count_cells(space)
            if self._gap_end <= self.width:
                self._gap.append((space, style))

    def _add_to_word(self, unit: str, style: str, placed: list[Span]) -> None:
        if self._may_break_before(unit):
            self._end_word(placed)
        self._ends_wide = self._may_break_after(unit)
        self._is_unsure = self._is_unsure or bool(UNSURE.search(unit))
        if self._is_broken:
            placed.append((unit, style))
            self._move_to(self._advance(unit, self._column))
            return
        self._word.append((unit, style))
        self._cells += _count_cells(unit)
        if self._cells > self.width:
            self._place_word(placed)

    def _may_break_before(self, unit: str) -> bool:
        return self._ends_wide and bool(_IS_WIDE.match(unit)) and unit not in _CLOSING

    def _may_break_after(self, unit: str) -> bool:
        """Whether a line may be broken after the unit if a wide character follows."""
        if unit.isascii():
            return False
        if _IS_COMBINING.match(unit):
            return self._ends_wide and _JOINER not in unit
        return bool(_IS_WIDE.match(unit)) and unit not in _OPENING

    def _end_word(self, placed: list[Span]) -> None:
        if self._word:
            self._place_word(placed)
        if self._is_broken and self._is_unsure:
            self._move_to(self.width)  # the terminal may have ended it anywhere
        self._is_broken = self._is_unsure = self._ends_wide = False

    def _place_word(self, placed: list[Span]) -> None:
        if self._gap_end + self._cells > self.width:
            self._break_line(placed)
        self._is_broken = self._gap_end + self._cells > self.width
        placed += self._gap
        column = self._gap_end
        for text, _ in self._word:
            column = self._advance(text, column)
        placed += self._word
        self._gap, self._word, self._cells = [], [], 0
        self._move_to(column)

    def _break_line(self, placed: list[Span]) -> None:
        """Begin a new line, unless it had no more room than this one."""
        if self._gap_end > sum(len(text) for text, _ in fit_hang(self._hang, self.width)):
            self._gap = []
            self._begin_line("", placed)

    def _begin_line(self, style: str, placed: list[Span]) -> None:
        hang = fit_hang(self._hang, self.width)
        placed += [("\n", style), *hang]
        self._move_to(sum(len(text) for text, _ in hang))

    def _end_gap(self, placed: list[Span]) -> None:
        """Write the spaces at the end of a line, as far as they fit."""
        placed += self._gap
        self._move_to(min(self._gap_end, self.width))
        self._gap = []

    def _move_to(self, column: int) -> None:
        self._column = self._gap_end = column

    def _advance(self, text: str, column: int) -> int:
        """Return the column where the text ends if the terminal breaks it at the width."""
        width = max(self.width, 1)
        if text.isascii():
            end = column + len(text)
            return end if end <= width else (end - 1) % width + 1
        for character in text:
            cells = _count_cells(character)
            column = (column if column + cells <= width else 0) + cells
        return column


def fit_hang(hang: Hang, width: int) -> list[Span]:
    """Return as much of the hang as leaves room for words: marks rather than spaces."""
    fitted: list[Span] = []
    room = max(width - _MIN_ROOM, 0)
    excess = sum(len(text) for text, _ in hang) - room
    for text, style in hang:
        spaces = len(text) - len(text.lstrip(" "))
        cut = max(min(excess, spaces), 0)
        fitted.append((text[cut : cut + room], style))
        excess -= cut
        room -= len(fitted[-1][0])
    return fitted


def _count_cells(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(map(get_character_cell_size, text)) + 2 * len(UNSURE.findall(text))


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Join adjacent spans of the same style."""
    groups = groupby(filter(itemgetter(0), spans), key=itemgetter(1))
    return [("".join(text for text, _ in group), style) for style, group in groups]
