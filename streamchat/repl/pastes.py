"""Long pastes: each is one character of the text at the prompt, and is shown as a label.

So it is deleted, moved and undone like a character, and no typed text can be mistaken for it.
Outside the prompt (sent, stored, in the editor) the text is whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments

_MOST_LINES = 20
"""A paste with more of them is folded."""
_FIRST, _LAST = 0x100000, 0x10FFFD
"""Characters that Unicode leaves to private use, and that no font has."""


class Pastes:
    """The folded texts of a chat, which stay the same until it ends.

    Args:
        fold: whether to fold anything: a terminal without cursor movement cannot show it.
    """

    def __init__(self, *, fold: bool = True) -> None:
        self._fold = fold
        self._codes: Iterator[int] = iter(range(_FIRST, _LAST + 1))
        self._texts: dict[str, str] = {}
        self._labels: dict[str, str] = {}

    def fold_paste(self, text: str) -> str:
        """Return what stands for a pasted text at the prompt: a character if it is long."""
        is_long = _count_lines(text) > _MOST_LINES
        # A character that stands for another text must not be taken for it.
        if is_long or any(character in text for character in self._texts):
            return self._stand_for(text, f"[pasted {_format_lines(text)}]")
        return text

    def fold_recalled(self, text: str) -> str:
        """Return what stands for an earlier message: its first line, and the others folded."""
        first, newline, rest = text.partition("\n")
        if _count_lines(rest) < _MOST_LINES:
            return text
        return first + newline + self._stand_for(rest, f"[{_format_lines(rest)}]")

    def refold(self, text: str) -> str:
        """Return a whole text with the texts that were folded before folded again."""
        for character, folded in self._texts.items():
            text = text.replace(folded, character)
        return text

    def unfold(self, text: str) -> str:
        """Return the whole text."""
        return self._replace(text, self._texts)

    def show(self, text: str) -> str:
        """Return the text with labels, as it looks at the prompt."""
        return self._replace(text, self._labels)

    def get_label(self, character: str) -> str:
        """Return the label of a text that is folded; of another character, the character."""
        return self._labels.get(character, character)

    def are_in(self, text: str) -> bool:
        """Whether anything in the text is folded."""
        return any(character in self._texts for character in text)

    def _stand_for(self, text: str, label: str) -> str:
        known = next((at for at, folded in self._texts.items() if folded == text), None)
        code = next(self._codes, None) if self._fold and known is None else None
        if code is None:
            return known or text
        self._texts[chr(code)], self._labels[chr(code)] = text, label
        return chr(code)

    def _replace(self, text: str, table: dict[str, str]) -> str:
        return text.translate({ord(each): to for each, to in table.items()}) if table else text


class ShowLabels(Processor):
    """Shows the labels of what is folded."""

    def __init__(self, pastes: Pastes) -> None:
        self._pastes = pastes

    def apply_transformation(self, ti: TransformationInput) -> Transformation:
        if not any(self._pastes.are_in(fragment[1]) for fragment in ti.fragments):
            return Transformation(ti.fragments)
        shown: StyleAndTextTuples = []
        begins: list[int] = []
        """Where each character begins on the screen."""
        end = 0
        for style, character, *_ in explode_text_fragments(ti.fragments):
            label = self._pastes.get_label(character)
            shown.append((f"{style} class:paste" if label != character else style, label))
            begins.append(end)
            end += len(label)
        return Transformation(
            shown,
            lambda at: begins[at] if at < len(begins) else end + at - len(begins),
            lambda at: bisect_right(begins, at) - 1 if at < end else len(begins) + at - end,
        )


def _count_lines(text: str) -> int:
    return text.count("\n") + bool(text and not text.endswith("\n"))


def _format_lines(text: str) -> str:
    lines = _count_lines(text)
    return f"{lines:,} line{'s' * (lines != 1)}"
