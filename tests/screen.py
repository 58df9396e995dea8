"""An emulated terminal: its screen and its scrollback."""

from __future__ import annotations

from collections.abc import Mapping

import pyte
from wcwidth import wcwidth


class _Emulator(pyte.HistoryScreen):
    def draw(self, data: str) -> None:
        """Draw text as terminals do at the right margin.

        pyte would cut a wide character in half there, and wrap before an accent.
        """
        if data.isascii():
            super().draw(data)
            return
        for character in data:
            left = self.columns - self.cursor.x
            if left == 1 and wcwidth(character) == 2:
                self.carriage_return()
                self.linefeed()
            wraps = left > 0 or wcwidth(character) > 0
            if not wraps:
                self.mode.discard(pyte.modes.DECAWM)
            super().draw(character)
            self.mode.add(pyte.modes.DECAWM)


class Screen:
    """Shows what a program writes as lines of text."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self._screen = _Emulator(columns, lines, history=100_000, ratio=0.5)
        self._stream = pyte.Stream(self._screen)
        self._window: list[str] | None = None
        self._everything: list[str] | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self._screen.columns, self._screen.lines

    def write(self, text: str) -> None:
        self._stream.feed(text)
        self._forget_lines()

    def resize(self, columns: int, lines: int) -> None:
        """Resize the window; like xterm, it does not wrap lines again."""
        self._screen.resize(lines, columns)
        self._forget_lines()

    def _forget_lines(self) -> None:
        self._window = self._everything = None

    def visible(self) -> list[str]:
        """The lines in the window, without empty ones at the end."""
        return _strip(self._read_window())

    def everything(self) -> list[str]:
        """The lines of the scrollback and the window."""
        if self._everything is None:
            columns = self._screen.columns
            gone = ["".join(_get_cells(line, columns)) for line in self._screen.history.top]
            self._everything = _strip(gone + self._read_window())
        return list(self._everything)

    def _read_window(self) -> list[str]:
        """Read the lines as pyte's `display` does, which measures every character."""
        if self._window is None:
            buffer, columns = self._screen.buffer, self._screen.columns
            rows = [_get_cells(buffer[at], columns) for at in range(self._screen.lines)]
            self._window = ["".join(_hide_covered(cells)) for cells in rows]
        return self._window

    @property
    def cursor_is_visible(self) -> bool:
        return not self._screen.cursor.hidden

    @property
    def cursor_column(self) -> int:
        """The number of columns to the left of the cursor."""
        column: int = self._screen.cursor.x
        return column

    def row(self, number: int) -> list[pyte.screens.Char]:
        """The characters of a line in the window, with their styles."""
        return [self._screen.buffer[number][at] for at in range(self._screen.columns)]

    def modes(self) -> set[str]:
        """The modes that a program has switched on and must switch off again."""
        known = {2004: "bracketed paste", 1049: "alternate screen", 1000: "mouse"}
        return {name for mode, name in known.items() if mode << 5 in self._screen.mode}


class ScreenTerminal:
    """An emulated terminal to paint on."""

    busy = False

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.frames: list[str] = []
        """What was written, write by write."""

    @property
    def size(self) -> tuple[int, int]:
        return self.screen.size

    def write(self, text: str) -> None:
        self.frames.append(text)
        self.screen.write(text)

    def drain(self) -> None:
        pass

    def close(self) -> None:
        pass


def draw_text(text: str, columns: int, lines: int) -> Screen:
    """Return a screen with this text, drawn without repainting."""
    screen = Screen(columns, lines)
    screen.write("\r\n".join(map(_without_tabs, text.split("\n"))))
    return screen


def _get_cells(line: Mapping[int, pyte.screens.Char], columns: int) -> list[str]:
    return [line[at].data for at in range(columns)]


def _hide_covered(cells: list[str]) -> list[str]:
    """Leave out what is in the second half of a wide character."""
    if "".join(cells).isascii():
        return cells
    shown, is_covered = [], False
    for cell in cells:
        if not is_covered:
            shown.append(cell)
        is_covered = not is_covered and wcwidth(cell[:1]) == 2
    return shown


def _without_tabs(line: str) -> str:
    shown = ""
    for character in line:
        cells = sum(max(wcwidth(each), 0) for each in shown)
        shown += " " * (8 - cells % 8) if character == "\t" else character
    return shown


def _strip(lines: list[str]) -> list[str]:
    lines = [line.rstrip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def at_prompt(lines: list[str]) -> bool:
    """Whether an empty prompt is there, with the bar below it or, on a dumb terminal, without."""
    ends = [line.rstrip() for line in lines[-2:]]
    return ends.count("›") + ends.count(">") == 1
