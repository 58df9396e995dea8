"""How many lines a question asks for, such as a haiku's three, or a list of five tips.

Left to itself, a small model stops after the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamchat.models.embedded.pythonic.numbers import write_digits

_LONGEST = 1000
"""Characters of a question whose wording counts; in a longer text, it may be part of the matter."""
_COUNT = r"(?:the\s+)?([2-9]|10)"
_BEFORE = r"(?:^|[.!?,;:]|\b(?:please|you|and|to|now|then|just)\b)\s*"
"""Comes before a verb that asks for something, not one that tells who gave what."""
_WRITE = r"(?:write|compose|create|make|give|tell|recite|describe|explain|summari[sz]e|say)\b"
_LIST = r"(?:give|tell|list|name|write|suggest|show|offer|share|recommend|think\s+of|find)\b"
_ITEMS = (
    r"(?:tips|ideas|reasons|examples|steps|ways|facts|things|rules|points|suggestions|hints|tricks|"
    r"benefits|advantages|disadvantages|uses|questions|jokes|arguments|exercises|habits)\b"
)
_ADJECTIVES = r"(?:[-\w]+\s+){0,3}"
_POEMS = {"haiku": 3, "limerick": 5}
_POEM = re.compile(
    rf"{_BEFORE}{_WRITE}(?:\s+me)?\s+an?(?:other)?\s+{_ADJECTIVES}({'|'.join(_POEMS)})\b"
)
_LINES = re.compile(
    rf"{_BEFORE}{_WRITE}[^.!?;:]*?\b{_COUNT}(?:[-\s]|\s(?:short|rhyming)\s)lines?\b"
)
_NAMED = re.compile(rf"{_BEFORE}(?:name|list)\b(?:\s+(?:me|us))?\s+{_COUNT}\s+[a-z]")
_NUMBERED = re.compile(
    rf"(?:{_BEFORE}{_LIST}[^.!?;:]*?\b|\bwhat\s+are\s+|\b(?:need|want|like)\s+|^\W*)"
    rf"{_COUNT}\s+{_ADJECTIVES}{_ITEMS}"
)
_QUOTED = re.compile(
    r"(?<!\w)(?:'[^\n]*?'(?!\w)|\"[^\n\"]*\"|\u2018[^\u2019]*\u2019|\u201c[^\u201d]*\u201d)"
)
_ABOUT_WORDS = re.compile(r"\W*(?:translate|how\s+do\s+(?:you|i)\s+say|what\s+does)\b")


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of an answer.

    Attributes:
        count: how many there are.
        numbered: whether each begins with its number, as the items of a list do.
    """

    count: int
    numbered: bool


def find_layout(question: str) -> Layout | None:
    """Return the lines that a question asks for; None if it leaves that open."""
    if len(question) > _LONGEST:
        return None
    text = write_digits(_QUOTED.sub("", question.lower()))
    if _ABOUT_WORDS.match(text):
        return None
    if lines := _LINES.search(text):
        return Layout(int(lines[1]), numbered=False)
    if poem := _POEM.search(text):
        return Layout(_POEMS[poem[1]], numbered=False)
    if items := _NAMED.search(text) or _NUMBERED.search(text):
        return Layout(int(items[1]), numbered=True)
    return None
