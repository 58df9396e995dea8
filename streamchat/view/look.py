"""What a turn looks like in the live view, as the user's settings have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Look:
    """The choices that the settings of the same names describe."""

    wrap: Literal["words", "terminal"] = "words"
    code_style: str = "auto"
    reasoning: Literal["fold", "show", "hide"] = "fold"
    hint: str = ""
    """Says what shows in full what is cut, such as ", /last shows all"."""


DEFAULT_LOOK = Look()
