"""The text of one message while it arrives, apart from the reasoning in it."""

from __future__ import annotations

from streamchat.text.surrogates import SurrogateJoiner
from streamchat.text.think import Split, ThinkSplitter

_NOTHING = Split("", "")


class MessageText:
    """The text of a message while it arrives."""

    def __init__(self) -> None:
        self._received: list[str] = []
        self._shown: list[str] = []
        self._characters = SurrogateJoiner()
        self._splitter = ThinkSplitter()

    @property
    def shown(self) -> str:
        """The text without reasoning."""
        return "".join(self._shown)

    def feed(self, text: str) -> Split:
        """Return what a piece adds to the reasoning and to the text."""
        if not text:
            return _NOTHING
        self._received.append(text)
        return self._keep(self._splitter.feed(self._characters.feed(text)))

    def complete(self, text: str) -> Split:
        """Return what the whole text adds; if it differs from the pieces, it replaces them."""
        if not text:
            return _NOTHING
        rest = find_rest("".join(self._received), text)
        if rest is not None:
            return self.feed(rest)
        whole = MessageText()
        whole.feed(text)
        whole.finish()
        self._shown = [whole.shown]
        return _NOTHING

    def finish(self) -> Split:
        """Return what was held back."""
        reasoning, text = self._splitter.feed(self._characters.finish())
        last = self._splitter.finish()
        return self._keep(Split(reasoning + last.reasoning, text + last.text))

    def _keep(self, split: Split) -> Split:
        if split.text:
            self._shown.append(split.text)
        return split


def find_rest(begun: str, whole: str) -> str | None:
    """Return the part of the whole text that is missing; None if it begins differently."""
    return whole[len(begun) :] if whole.startswith(begun) else None
