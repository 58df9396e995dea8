"""Other lines between those of a turn."""

from __future__ import annotations

from streamchat.view.markdown.inline import Span

_BREAK: Span = ("\n", "")


class Lines:
    """Puts lines in after what is final, which must then end with a line's end.

    Args:
        style: the sequence that sets the lines' style.
    """

    def __init__(self, style: str) -> None:
        self.began = False
        """Whether anything is final yet."""
        self._style = style
        self._waiting: list[str] = []
        self._on_top = False
        """Whether a line stands above the turn's first one."""

    def add(self, line: str) -> None:
        """Takes a line."""
        self._waiting.append(line)

    def put(self, final: list[Span], rest: list[Span]) -> tuple[list[Span], list[Span]]:
        """Returns what is final now, with the lines, and what comes after that."""
        if final and self._on_top:
            final, self._on_top = [_BREAK, *final], False
        if self._waiting:
            breaks = [_BREAK] if self.began or final else []
            self._on_top = self._on_top or not breaks
            final = [*final, *breaks, ("\n".join(self._waiting), self._style)]
            self._waiting = []
        self.began = self.began or bool(final)
        return final, [_BREAK, *rest] if rest and self._on_top else rest
