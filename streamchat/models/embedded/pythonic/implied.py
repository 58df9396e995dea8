"""The numbers that a text implies: 60 for minutes in hours, 2 for the perimeter of a rectangle."""

from __future__ import annotations

import re
from collections.abc import Set

SCALES: tuple[tuple[str, ...], ...] = (
    ("second", "60", "minute", "60", "hour", "24", "day", "7", "week", "52", "year"),
    ("day", "365", "year"),
    ("month", "12", "year"),
    ("cent", "100", "dollar"),
    ("cent", "100", "euro"),
    ("penny", "100", "pound"),
    ("inch", "12", "foot", "3", "yard"),
    ("ounce", "16", "pound"),
    ("millimetre", "10", "centimetre", "100", "metre", "1000", "kilometre"),
    ("gram", "1000", "kilogram"),
    ("millilitre", "1000", "litre"),
)
"""Units, and how many of the one before make one of the one after."""
_SPELLINGS = {
    "feet": "foot",
    "pence": "penny",
    "sec": "second",
    "min": "minute",
    "hr": "hour",
    "h": "hour",
    "ft": "foot",
    "yd": "yard",
    "oz": "ounce",
    "lb": "pound",
    "kilo": "kilogram",
    "mm": "millimetre",
    "cm": "centimetre",
    "m": "metre",
    "km": "kilometre",
    "g": "gram",
    "kg": "kilogram",
    "ml": "millilitre",
    "l": "litre",
}
_WORD = re.compile(r"(?<!['\u2019])\b[a-z]+")
_FENCES = {"fence", "fencing", "hedge", "border"}
_SHAPES = {"square", "rectangle", "rectangular", "wide", "width", "long", "length", "by"}


def find_words(text: str) -> Set[str]:
    """Return the words of a text, in lower case."""
    return {*_WORD.findall(text.lower())}


def find_options(words: Set[str], count: int) -> list[str]:
    """Return the numbers that a calculation may need: for an average, and between two units.

    With minutes and days come the hours between them.

    Args:
        words: the words of the text.
        count: how many numbers it has.
    """
    averaged = [str(count)] if count > 1 and words & {"average", "mean"} else []
    return [*averaged, *_find_rates(words)]


def _find_rates(words: Set[str]) -> list[str]:
    units = {*map(find_unit, words)}
    for scale in SCALES:
        named = [at for at in range(0, len(scale), 2) if scale[at] in units]
        if len(named) > 1:
            return [*scale[named[0] + 1 : named[-1] : 2]]
    return []


def find_factors(words: Set[str]) -> list[str]:
    """Return the numbers that a formula needs: of a triangle, of a way around, of degrees."""
    factors = ["2"] if words >= {"triangle", "area"} else []
    if _goes_around(words):
        factors += ["4" if is_around_square(words) else "2"]
    return [*factors, "1.8", "32"] if words >= {"celsius", "fahrenheit"} else factors


def is_around_square(words: Set[str]) -> bool:
    """Whether a text is about the way around a square."""
    return "square" in words and _goes_around(words)


def _goes_around(words: Set[str]) -> bool:
    return "perimeter" in words or bool(words & _FENCES and words & _SHAPES)


def find_unit(word: str) -> str:
    """Return a unit as the scales spell it."""
    singular = singularize(word)
    return _SPELLINGS.get(singular, singular)


def singularize(word: str) -> str:
    """Return a unit or another noun in the singular, in its British spelling."""
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith("ches"):
        return word.removesuffix("es")
    word = word.removesuffix("s") if len(word) > 2 else word
    return f"{word[:-2]}re" if word.endswith(("meter", "liter")) else word
