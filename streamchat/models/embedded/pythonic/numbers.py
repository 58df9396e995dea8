"""The numbers that a text mentions, in digits or in words.

The grammar offers the model no others, so that it cannot calculate beside the tools.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_MEANT = {
    "double": "2",
    "doubled": "2",
    "doubles": "2",
    "twice": "2",
    "pair": "2",
    "both": "2",
    "triple": "3",
    "tripled": "3",
    "thrice": "3",
    "quadruple": "4",
    "half": "2",
    "halve": "2",
    "halved": "2",
    "halves": "2",
    "third": "3",
    "thirds": "3",
    "fourth": "4",
    "quarter": "4",
    "quarters": "4",
    "fifth": "5",
    "sixth": "6",
    "seventh": "7",
    "eighth": "8",
    "ninth": "9",
    "tenth": "10",
    "squared": "2",
    "square": "2",
    "cubed": "3",
    "cube": "3",
    "dozen": "12",
    "dozens": "12",
    "score": "20",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
    "percent": "100",
    "percentage": "100",
}
"""Words that mean a number."""
_RATES = {
    ("seconds", "minute"): "60",
    ("minutes", "hour"): "60",
    ("hours", "day"): "24",
    ("days", "week"): "7",
    ("weeks", "year"): "52",
    ("months", "year"): "12",
    ("days", "year"): "365",
    ("cents", "dollar"): "100",
}
"""How many of one unit make one of the other, if a text names both."""
_DIGITS = re.compile(
    r"(?<![\w.])(?:(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?|(\.\d+))(?:st|nd|rd|th)?(\s*%|\s+per\s?cent\b)?",
    re.ASCII,
)
_TOKEN = re.compile(rf"({_DIGITS.pattern})|[a-z]+", re.ASCII)
_SQUARE_UNIT = re.compile(r"\b(?:square|cubic)\s+(?=[ck]?m\b|\w*met|inch|feet|foot|yard|mile)")
"""Of "square metres", square is no power."""
_TENS_WORD = rf"(?:{'|'.join(TENS)})(?:[-\s](?:{'|'.join(UNITS[1:10])}))?"
_SMALL = rf"(?:{_TENS_WORD}|{'|'.join(sorted(UNITS, key=len, reverse=True))})"
_HUNDREDS = rf"(?:(?:an?\s|{_SMALL}[-\s])hundred(?:\s{_SMALL})?|{_SMALL})"
_IN_WORDS = re.compile(
    rf"\b(?:an?\sthousand|{_HUNDREDS}(?:[-\s]thousand(?:\s{_HUNDREDS})?)?)\b", re.IGNORECASE
)
_MINUS = "-\u2212"
_MAX_DIGITS = 15
"""Longer numbers are not exact as floats."""


def find_numbers(text: str) -> list[str]:
    """Return the numbers that a text mentions, as Python writes them, in order.

    A number that is mentioned twice is returned twice, and a percentage keeps its sign.
    """
    lowered = _SQUARE_UNIT.sub(" ", write_digits(text.lower()))
    numbers: list[str] = []
    for match in _TOKEN.finditer(lowered):
        word = match.group()
        if match.group(1):
            numbers += _read_digits(match, lowered)
        elif word in _MEANT:
            numbers.append(_MEANT[word])
    words = set(re.findall("[a-z]+", lowered))
    return [*numbers, *_find_rates(words), *_find_divisors(words, len(numbers))]


def write_digits(text: str) -> str:
    """Return the text with digits in place of numbers in words, such as "twenty-five"."""
    return _IN_WORDS.sub(lambda match: str(_read_words(match[0])), text)


def _read_words(words: str) -> int:
    total, part = 0, 0
    for word in re.findall("[a-z]+", words.lower()):
        match word:
            case "thousand":
                total, part = (total + part) * 1000, 0
            case "hundred":
                part *= 100
            case "a" | "an":
                part = 1
            case _ if word in TENS:
                part += 10 * (TENS.index(word) + 2)
            case _:
                part += UNITS.index(word)
    return total + part


def _read_digits(match: re.Match[str], text: str) -> Iterator[str]:
    _, whole, fraction, bare, percent = match.groups()
    number = _tidy(f"0{bare}" if bare else whole.replace(",", "") + (fraction or ""))
    if len(number) > _MAX_DIGITS:
        return
    before = text[: match.start()].rstrip()
    is_negative = text[: match.start()].endswith(tuple(_MINUS)) and not _ends_operand(before[:-1])
    yield f"{'-' if is_negative else ''}{number}{'%' if percent else ''}"


def _ends_operand(text: str) -> bool:
    """Whether a minus sign after the text takes away what follows."""
    return bool(text.rstrip()) and (text.rstrip()[-1].isdigit() or text.rstrip()[-1] == ")")


def _find_divisors(words: set[str], count: int) -> list[str]:
    """Return what a sum is divided by for an average, and a product for a triangle's area."""
    divisors = [str(count)] if count > 1 and words & {"average", "mean"} else []
    return [*divisors, "2"] if words >= {"triangle", "area"} else divisors


def _find_rates(words: set[str]) -> list[str]:
    return [
        number
        for (small, large), number in _RATES.items()
        if small in words and words & {large, f"{large}s"}
    ]


def _tidy(number: str) -> str:
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def spell_number(text: str) -> list[str]:
    """Return the ways in which a sentence may write a number; none if the text is no number."""
    try:
        value = float(text)
    except ValueError:
        return []
    if not math.isfinite(value):
        return []
    if value.is_integer() and abs(value) < 10**_MAX_DIGITS:
        plain = str(int(value))
        return [plain, f"{int(value):,}"] if abs(value) >= 1000 else [plain]
    rounded = f"{value:.10g}"
    return [text] if "e" in rounded else [rounded]
