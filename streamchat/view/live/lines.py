"""Lines from elsewhere, inserted between those of a turn."""

from __future__ import annotations

from streamchat.text.sanitize import SafeText, join
from streamchat.view.style import LINE_BREAK, StyledText


class Lines:
    """Inserts lines after final text, which must end where a line ends.

    Args:
        style: the sequence that sets the style of the lines.
    """

    def __init__(self, style: str) -> None:
        self.began = False
        """Whether anything is final yet."""
        self._style = style
        self._waiting: list[SafeText] = []
        self._on_top = False
        """Whether inserted lines stand above the turn's first."""

    def add(self, line: SafeText) -> None:
        self._waiting.append(line)

    def insert(
        self, final: list[StyledText], rest: list[StyledText]
    ) -> tuple[list[StyledText], list[StyledText]]:
        """Return the final text with the queued lines, and the text after it."""
        if final and self._on_top:
            final, self._on_top = [LINE_BREAK, *final], False
        if self._waiting:
            breaks = [LINE_BREAK] if self.began or final else []
            self._on_top = self._on_top or not breaks
            final = [*final, *breaks, (join(*self._waiting, separator="\n"), self._style)]
            self._waiting = []
        self.began = self.began or bool(final)
        return final, [LINE_BREAK, *rest] if rest and self._on_top else rest
