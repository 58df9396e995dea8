"""The sum that converts a unit to another, for a question that asks for nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamchat.models.embedded.pythonic.implied import SCALES, find_unit
from streamchat.models.embedded.pythonic.numbers import write_digits

_DEGREES = r"(?:(?:degrees?|deg)\s+|\u00b0\s*)?"
_OF = rf"(?P<number>-?\d+(?:,\d{{3}})*(?:\.\d+)?)\s*{_DEGREES}(?P<unit>[a-z]+)"
_TO = rf"{_DEGREES}(?P<wanted>[a-z]+)"
_POLITE = (
    r"(?:please|pls|plz|thanks|thx|can|could|would|you|hi|hello|hey|and|so|for\s+me|tell\s+me|"
    r"exactly|equal\s+to)"
)
_QUESTIONS = [
    re.compile(rf"(?:{_POLITE}\W+)*{asking}(?:\W+{_POLITE})*\W*")
    for asking in (
        r"(?:(?:convert|change|turn|express|write|what(?:\s+is|['\u2019]?s)|how\s+much\s+is)\s+)?"
        rf"{_OF}\s+(?:in|into|to|as)\s+{_TO}",
        rf"how\s+many\s+{_TO}\s+"
        r"(?:(?:are|is|do|does|there|make|makes|make\s+up|in|equal)\s+)*"
        rf"{_OF}(?:\s+(?:have|has|make))?",
    )
]
_CELSIUS, _FAHRENHEIT = {"c", "celsius", "centigrade"}, {"f", "fahrenheit", "farenheit"}


def find_conversion(question: str) -> str | None:
    """Return the sum for a question such as "How many days are in 14 weeks?", as Python writes it.

    None if it asks for something else, or for units that have no exact ratio here.
    """
    text = write_digits(question.lower().strip())
    asked = next(filter(None, (each.fullmatch(text) for each in _QUESTIONS)), None)
    if not asked:
        return None
    number, unit, wanted = asked["number"].replace(",", ""), asked["unit"], asked["wanted"]
    if unit in _CELSIUS and wanted in _FAHRENHEIT:
        return f"{number} * 1.8 + 32"
    if unit in _FAHRENHEIT and wanted in _CELSIUS:
        return f"({number} - 32) / 1.8"
    return _convert(number, find_unit(unit), find_unit(wanted))


def _convert(number: str, unit: str, wanted: str) -> str | None:
    ways = [
        (scale.index(unit), scale.index(wanted), scale)
        for scale in SCALES
        if unit in scale and wanted in scale
    ]
    if unit == wanted or not ways:
        return None
    start, end, scale = min(ways, key=lambda way: abs(way[0] - way[1]))
    between = scale[min(start, end) : max(start, end) + 1]
    if _is_about(between):
        return None
    factors = between[1::2]
    if start > end:
        return " * ".join([number, *reversed(factors)])
    return " / ".join([number, *factors])


def _is_about(between: Sequence[str]) -> bool:
    """Whether a way between units holds only roughly, as 52 weeks are nearly a year."""
    return "year" in between and "week" in between and len(between) > len(("week", "52", "year"))
