"""An emulated terminal: what a person sees, and what has scrolled away."""

from __future__ import annotations

import pyte


class Screen:
    """Takes what a program writes; gives lines of text."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=100_000, ratio=0.5)
        self._stream = pyte.Stream(self._screen)

    @property
    def size(self) -> tuple[int, int]:
        return self._screen.columns, self._screen.lines

    def write(self, text: str) -> None:
        self._stream.feed(text)

    def visible(self) -> list[str]:
        """The lines in the window, without those below the last that holds anything."""
        return _stripped(list(self._screen.display))

    def everything(self) -> list[str]:
        """The lines of the scrollback and the window."""
        gone = [
            "".join(line[at].data for at in range(self._screen.columns))
            for line in self._screen.history.top
        ]
        return _stripped(gone + list(self._screen.display))

    def modes(self) -> set[str]:
        """The modes a program has switched on and ought to switch off again."""
        known = {2004: "bracketed paste", 1049: "alternate screen", 1000: "mouse"}
        return {name for mode, name in known.items() if mode << 5 in self._screen.mode}


def _stripped(lines: list[str]) -> list[str]:
    lines = [line.rstrip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return lines
