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
        detail: more about the question, shown in full below it.
        counted: whether it is said which of several calls it is about.
    """

    text: str
    choices: Sequence[Choice]
    problem: str = ""
    detail: str = ""
    counted: bool = False

    def describe(self) -> str:
        """Return the question and its keys in sentences, for those who listen."""
        keys = ", ".join(f"{key}: {does}" for key, does, _ in self.choices)
        problem = f"Not possible: {self.problem}." if self.problem else ""
        return " ".join(filter(None, [problem, self.text, self.detail, f"Press {keys}."]))
