"""Writes final text to a terminal once, and repaints only the rest.

The terminal itself wraps long lines: text copied from it has no line breaks of ours, and most
terminals wrap such lines again when the window is resized.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, get_character_cell_size

from streamchat.text.sanitize import cut, join, sanitize
from streamchat.view.live.terminal import Terminal
from streamchat.view.markdown.wrap import UNSURE
from streamchat.view.style import LINE_BREAK, StyledText, render

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_TAB = 8
_SHORT = 40
"""Characters that may be erased and written again without a frame of their own."""
_CLUSTER = re.compile(
    "\\S?(?:\u200d\\S?|[\ufe0f\U0001f3fb-\U0001f3ff])+|[\U0001f1e6-\U0001f1ff]{1,2}"
)
"""Characters of unsure width with what they are combined with."""
_STAND_IN = "\u25a1"
_REFLOWING = (
    *("TMUX", "VTE_VERSION", "KITTY_WINDOW_ID", "ALACRITTY_WINDOW_ID", "WEZTERM_PANE"),
    *("KONSOLE_VERSION", "WT_SESSION", "GHOSTTY_RESOURCES_DIR", "ITERM_SESSION_ID"),
)
_REFLOWING_TERMS = ("tmux", "xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm")


def reflows() -> bool:
    """Whether the terminal wraps its lines again when its width changes.

    Asking it would mean waiting for a reply, so this looks at the variables that terminals set. An
    unknown terminal is assumed not to: at worst, too little is erased, but nothing is lost.
    """
    known_by_name = os.environ.get("TERM", "").startswith(_REFLOWING_TERMS)
    return known_by_name or any(name in os.environ for name in _REFLOWING)


def measure(text: str, column: int, width: int) -> tuple[int, int]:
    """Return how many rows the text moves the cursor down, and the column it ends in.

    Column `width` means a full row: the terminal wraps when the next character arrives.
    """
    first, *others = text.split("\n")
    rows, column = _measure_line(first, column, width)
    for line in others:
        more, column = _measure_line(line, 0, width)
        rows += 1 + more
    return rows, column


def _measure_line(line: str, column: int, width: int) -> tuple[int, int]:
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
    """Remembers what is on the screen, and repaints from where it changes.

    Args:
        terminal: its cursor is at the beginning of a line.
        reflow: whether the terminal wraps its lines again when its width changes.
    """

    def __init__(self, terminal: Terminal, *, reflow: bool) -> None:
        self._terminal = terminal
        self._reflow = reflow
        self._width, self._height = terminal.size
        self._line: list[StyledText] = []
        """The final part of the cursor's line."""
        self._column = 0
        """The column where the rest begins."""
        self._painted: list[StyledText] = []
        """The rest: it can still change."""
        self.appends = True
        """Whether the last change only added text, but for a word that moved to the next row."""

    def paint(self, final: Iterable[StyledText], rest: Iterable[StyledText]) -> None:
        """Write the text that has become final, then the rest, which can still change."""
        self._resize()
        final, rest = self._expand_tabs(final, rest)
        rest = self._crop(final, _replace_unsure(rest))
        new = [*final, *rest]
        kept = _count_common(self._painted, new)
        if kept < _count_characters(self._painted):
            gone = _join_texts(self._painted)[kept:]
            self.appends = len(gone) <= _SHORT and "\n" not in gone
            self._terminal.write(f"{_BEGIN}{self._repaint(kept, new)}{_END}")
        elif added := drop_start(new, kept):
            self.appends = True
            self._terminal.write(_render(added))
        self._advance(final)
        self._painted = rest

    def reset(self) -> None:
        """Start afresh at the cursor, which must be at the beginning of a line."""
        self._painted, self._line, self._column = [], [], 0

    def _repaint(self, kept: int, new: Sequence[StyledText]) -> str:
        """Return the output that moves the cursor back to the change and writes from there on."""
        text = _join_texts(self._painted)
        bottom, _ = measure(text, self._column, self._width)
        kept, again = self._find_start(text, _join_texts(new), kept)
        row, column = measure(text[:kept], self._column, self._width)
        if again:
            column -= min(_count_cells(_join_texts(again)), column)
        up = f"\x1b[{bottom - row}A" if bottom > row else ""
        right = f"\x1b[{column}C" if column else ""
        written = _render([*again, *drop_start(new, kept)])
        return f"{up}\r{right}{_erase(column, bottom - row)}{written}"

    def _find_start(self, old: str, new: str, kept: int) -> tuple[int, list[StyledText]]:
        """Return how much to keep, and the final text to write again before the rest."""
        begin = old.rfind("\n", 0, kept) + 1
        if UNSURE.search(old[begin:kept] if begin else _join_texts(self._line) + old[:kept]):
            # The kept text ends in an unknown column, but its line begins in a known one.
            return begin, [] if begin else self._line
        while kept and self._must_rewrite(old, new, kept):
            kept -= 1
        if kept or not self._must_rewrite(old, new, 0):
            return kept, []
        line = _join_texts(self._line)
        at = len(line) - 1
        while at > 0 and not get_character_cell_size(line[at]):
            at -= 1
        return 0, drop_start(self._line, max(at, 0))

    def _must_rewrite(self, old: str, new: str, kept: int) -> bool:
        """Whether the last kept character must be written again.

        An accent that changes may combine with it, or it may end a full row: terminals join the
        rows of a line only if they wrapped it themselves.
        """
        accents = (text[kept : kept + 1] for text in (old, new))
        if any(text and text != "\n" and not get_character_cell_size(text) for text in accents):
            return True
        return measure(old[:kept], self._column, self._width)[1] == self._width

    def _resize(self) -> None:
        """Adapt to the window's size."""
        width, height = self._terminal.size
        if width == self._width:
            self._height = height
            return
        if self._reflow:
            self._width = width
            _, self._column = measure(_join_texts(self._line), 0, width)
        elif self._painted:
            self._terminal.write(f"{_BEGIN}{self._repaint(0, [])}{_END}")
            self._painted = []
        self._width, self._height = width, height
        self._column = min(self._column, width)

    def _advance(self, final: Sequence[StyledText]) -> None:
        """Move to the end of the final text."""
        text = _join_texts(final)
        _, self._column = measure(text, self._column, self._width)
        begin = text.rfind("\n") + 1
        self._line = [*([] if begin else self._line), *drop_start(final, begin)]

    def _expand_tabs(
        self, final: Iterable[StyledText], rest: Iterable[StyledText]
    ) -> tuple[list[StyledText], list[StyledText]]:
        """Replace tabs with spaces, since terminals do not wrap at a tab."""
        final, rest = _merge(final), _merge(rest)
        if not any("\t" in text for text, _ in [*final, *rest]):
            return final, rest
        column = _count_cells(_join_texts(self._line))
        final, column = _replace_tabs(final, column)
        return final, _replace_tabs(rest, column)[0]

    def _crop(self, final: Sequence[StyledText], rest: list[StyledText]) -> list[StyledText]:
        """Return the end that fits into the window: rows that scroll out of it cannot be erased."""
        rest = self._drop_unsure(final, rest)
        text = _join_texts(rest)
        _, start = measure(_join_texts(final), self._column, self._width)
        if measure(text, start, self._width)[0] < self._height:
            return rest
        if self._height == 1:
            return []
        starts, column = [0], start
        for at, character in enumerate(text):
            down, column = measure(character, column, self._width)
            if down:
                starts.append(at + (character == "\n"))
        first = starts[max(len(starts) - self._height + 1, 0)]
        return [LINE_BREAK, *drop_start(rest, first)]

    def _drop_unsure(self, final: Sequence[StyledText], rest: list[StyledText]) -> list[StyledText]:
        """Return the text, or nothing if it begins in a line whose number of rows is unknown."""
        whole = _join_texts(self._line) + _join_texts(final)
        line = whole[whole.rfind("\n") + 1 :] + _join_texts(rest).partition("\n")[0]
        unsure = len(UNSURE.findall(line))
        return [] if unsure and _count_cells(line) + 2 * unsure > self._width else rest


def _erase(column: int, below: int) -> str:
    """Return the sequence that erases from the cursor on, given its column and the rows below.

    tmux treats erasing from the window's first cell as clearing the screen, and saves the contents
    to its history, so the first row is erased separately.
    """
    if column:
        return "\x1b[J"
    return "\x1b[K\x1b[B\x1b[J\x1b[A" if below else "\x1b[K"


def _render(parts: Iterable[StyledText]) -> str:
    return render(parts).replace("\n", "\r\n")


def _join_texts(parts: Iterable[StyledText]) -> str:
    return "".join(text for text, _ in parts)


def _count_characters(parts: Iterable[StyledText]) -> int:
    return sum(len(text) for text, _ in parts)


def _merge(parts: Iterable[StyledText]) -> list[StyledText]:
    merged: list[StyledText] = []
    for text, style in parts:
        if merged and merged[-1][1] == style:
            merged[-1] = (join(merged[-1][0], text), style)
        elif text:
            merged.append((text, style))
    return merged


def drop_start(parts: Iterable[StyledText], count: int) -> list[StyledText]:
    """Return the text without its first `count` characters."""
    rest = []
    for text, style in parts:
        if count < len(text):
            rest.append((cut(text, count), style))
        count = max(count - len(text), 0)
    return rest


def drop_break(parts: Sequence[StyledText]) -> list[StyledText]:
    """Return the text without the line break that it begins with, if it does."""
    return drop_start(parts, _join_texts(parts[:1]) == "\n")


def _count_common(old: Sequence[StyledText], new: Sequence[StyledText]) -> int:
    """Return the length of the common beginning, in which styles are equal too."""
    count = 0
    left, right = list(reversed(old)), list(reversed(new))
    while left and right:
        (a, style), (b, other) = left.pop(), right.pop()
        length = _count_common_characters(a, b) if style == other else 0
        count += length
        if length < min(len(a), len(b)):
            break
        left += [(cut(a, length), style)] if a[length:] else []
        right += [(cut(b, length), other)] if b[length:] else []
    return count


def _count_common_characters(a: str, b: str) -> int:
    short, long = sorted((a, b), key=len)
    if long.startswith(short):
        return len(short)
    return next(at for at, (x, y) in enumerate(zip(short, long, strict=False)) if x != y)


def _count_cells(text: str) -> int:
    return len(text) if text.isascii() else sum(map(get_character_cell_size, text))


def _replace_unsure(parts: list[StyledText]) -> list[StyledText]:
    """Replace what has an unknown width, while it can still change, by a stand-in of its width."""
    if not any(UNSURE.search(text) for text, _ in parts):
        return parts
    return [(sanitize(_CLUSTER.sub(_stand_in, text)), style) for text, style in parts]


def _stand_in(cluster: re.Match[str]) -> str:
    return _STAND_IN.ljust(cell_len(cluster[0]))


def _replace_tabs(parts: Iterable[StyledText], column: int) -> tuple[list[StyledText], int]:
    replaced: list[StyledText] = []
    for text, style in parts:
        pieces = []
        for piece in re.split("([\t\n])", text):
            spaces = " " * (_TAB - column % _TAB)
            column = (
                0 if piece == "\n" else column + _count_cells(spaces if piece == "\t" else piece)
            )
            pieces.append(spaces if piece == "\t" else piece)
        replaced.append((sanitize("".join(pieces)), style))
    return replaced, column
