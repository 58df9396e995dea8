"""Reads the line while the model writes it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from streamchat.models.embedded.pythonic.plan import ANSWER

Piece: TypeAlias = tuple[Literal["code", "answer"], str]
_BEGIN = f'{ANSWER}("'
_ESCAPES = {"n": "\n", "t": "\t"}


class LineReader:
    """Takes the line in pieces of any size.

    Attributes:
        line: all of it so far.
        closed: whether the answer is complete.
    """

    def __init__(self) -> None:
        self.line = ""
        self.closed = False
        self._held = ""
        """The beginning, while it may become an answer; in an answer, half an escape."""
        self._is_answer: bool | None = None

    def feed(self, text: str) -> list[Piece]:
        """Return the pieces of code, or of the answer's text, that have become clear."""
        self.line += text
        if self._is_answer is None:
            self._held += text
            if len(self._held) < len(_BEGIN) and _BEGIN.startswith(self._held):
                return []
            self._is_answer = self._held.startswith(_BEGIN)
            text, self._held = self._held, ""
            text = text.removeprefix(_BEGIN) if self._is_answer else text
        if not self._is_answer:
            return [("code", text)] if text else []
        answer = self._read_text(text)
        return [("answer", answer)] if answer else []

    def finish(self) -> list[Piece]:
        """Return what was held back."""
        held, self._held = self._held, ""
        return [("code", held)] if held and not self._is_answer else []

    def _read_text(self, text: str) -> str:
        """Return the text up to the closing quote, without escapes."""
        shown = ""
        for character in text:
            if self.closed:
                break
            if self._held:
                shown += _ESCAPES.get(character, character)
                self._held = ""
            elif character == "\\":
                self._held = character
            elif character == '"':
                self.closed = True
            else:
                shown += character
        return shown
