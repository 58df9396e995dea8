"""Separates reasoning in tags, as servers without a reasoning parser send it, from the text."""

from __future__ import annotations

from typing import NamedTuple

_TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
}


class Split(NamedTuple):
    """What a piece of text turned out to be."""

    reasoning: str
    text: str


class ThinkSplitter:
    """Splits a text that may begin with reasoning, however it arrives.

    Only at the start does a tag mean reasoning: later it is part of the text. Blank space before
    and after such reasoning is dropped.
    """

    def __init__(self) -> None:
        self._state = "start"
        """"start", "reasoning" or "text"."""
        self._held = ""
        """Text that cannot be told yet; in reasoning, the beginning of the closing tag."""
        self._closing = ""
        self._reasoned = False

    def feed(self, piece: str) -> Split:
        """Return the reasoning and the text that are certain now."""
        if self._state == "text":
            return Split("", piece)
        reasoning: list[str] = []
        self._held += piece
        while self._state != "text" and self._advance(reasoning):
            pass
        text = self._take_held() if self._state == "text" else ""
        return Split("".join(reasoning), text)

    def finish(self) -> Split:
        """Return what was held back at the end of the text."""
        held = self._take_held()
        if self._state == "reasoning":
            return Split(held, "")
        return Split("", held.lstrip() if self._reasoned else held)

    def _advance(self, reasoning: list[str]) -> bool:
        """Move on in the held text; return False if that takes more of it."""
        return self._open() if self._state == "start" else self._close(reasoning)

    def _open(self) -> bool:
        begun = self._held.lstrip()
        for opening, closing in _TAGS.items():
            if begun.startswith(opening):
                self._held, self._closing = begun[len(opening) :], closing
                self._state, self._reasoned = "reasoning", True
                return True
        if any(opening.startswith(begun) for opening in _TAGS):
            return False
        self._held = begun if self._reasoned else self._held
        self._state = "text"
        return True

    def _close(self, reasoning: list[str]) -> bool:
        before, tag, after = self._held.partition(self._closing)
        if tag:
            reasoning.append(before)
            self._held, self._state = after, "start"
            return True
        size = _count_shared(self._held, self._closing)
        reasoning.append(self._held[: len(self._held) - size])
        self._held = self._held[len(self._held) - size :]
        return False

    def _take_held(self) -> str:
        held, self._held = self._held, ""
        return held


def _count_shared(text: str, tag: str) -> int:
    """Return how many characters at the end of the text are the beginning of the tag."""
    sizes = range(min(len(text), len(tag) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(tag[:size])), 0)
