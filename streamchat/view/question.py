"""A question that one key answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Choice(NamedTuple):
    """A key, and what it does in words and, for a narrow window, in a word."""

    key: str
    does: str
    brief: str = ""


@dataclass(frozen=True, slots=True)
class KeyQuestion:
    """A question.

    Attributes:
        text: what is asked.
        choices: the keys that answer it.
        problem: why the last answer is not taken, if it is not.
    """

    text: str
    choices: Sequence[Choice]
    problem: str = ""

    def describe(self) -> str:
        """Return the question and its keys in sentences, for those who listen."""
        keys = ", ".join(f"{key}: {does}" for key, does, _ in self.choices)
        return " ".join(filter(None, [self.text, f"Press a key. {keys}."]))
