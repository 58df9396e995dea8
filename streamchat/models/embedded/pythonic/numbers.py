"""The numbers that a text mentions, in digits or in words.

The grammar offers the model no others, so that it cannot calculate beside the tools.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from streamchat.models.embedded.pythonic.implied import (
    find_factors,
    find_options,
    find_words,
    is_around_square,
)

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
    "squared": "**2",
    "square": "**2",
    "cubed": "**3",
    "cube": "**3",
    "root": "0.5",
    "dozen": "12",
    "dozens": "12",
    "score": "20",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
    "percent": "100",
    "percentage": "100",
}
"""Words that mean a number. That of a power has its sign, such as "**2"."""
_DIGITS = re.compile(
    r"(?<![\w.])(?:(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<fraction>\.\d+)?|(?P<bare>\.\d+))"
    r"(?:st|nd|rd|th)?(?P<percent>\s*%|\s+per\s?cent\b)?",
    re.ASCII,
)
_TOKEN = re.compile(rf"({_DIGITS.pattern})|[a-z]+", re.ASCII)
_NO_POWER = re.compile(r"\bsquare\s+(?=[ck]?m\b|\w*met|inch|feet|foot|yard|mile|root)")
"""Of "square metres", square is no power."""
_LABEL = re.compile(
    r"(?<=[0-9](?:st|nd|rd|th))|[-\u2010\u2011][a-zA-Z]|[A-Z]\b|\s?(?:[ap]\.?m\b|o['\u2019]clock)|"
    r"\s+(?:tram|bus|train)\b|\s+(?:years?|yrs?)\s+old\b"
)
"""Comes after a number that may only be a name, as in "4th grade" or "a 12-inch pizza"."""
_NAMED = re.compile(
    r"\b(?:(?:in|since|by|until|during|from)\s(?:19|20)\d\d|i(?:['\u2019]m|\sam)\s+\d+|"
    r"(?:number|no\.?|bus|tram|train|line|route|room|flat|platform|gate|stop|size|iphone|"
    r"(?:in|at)\s+year|who(?:\s+is|['\u2019]s)|aged?)\s+\d+)$|"
    r"[a-z]\s?\^\s?\d+$",
    re.IGNORECASE,
)
"""Ends with a year, an age, a number that is a name, or the power of a unit."""
_TENS_WORD = rf"(?:{'|'.join(TENS)})(?:[-\s](?:{'|'.join(UNITS[1:10])}))?"
_SMALL = rf"(?:{_TENS_WORD}|{'|'.join(sorted(UNITS, key=len, reverse=True))})"
_AND = r"(?:\sand)?\s"
_BELOW_HUNDRED = rf"{_SMALL}\b(?![-\s]hundred)"
_HUNDREDS = rf"(?:(?:an?\s|{_SMALL}[-\s])hundred(?:{_AND}{_BELOW_HUNDRED})?|{_SMALL})"
_IN_WORDS = re.compile(
    rf"\b(?:an?\sthousand|{_HUNDREDS}(?:[-\s]thousand(?:{_AND}{_HUNDREDS}\b)?)?)\b",
    re.IGNORECASE,
)
_PARTS = {"half": "5", "quarter": "25", "quarters": "75"}
_JOINED = re.compile(r"(?<=\d)(?<!\b0)([xh\u00d7])(?=\d)", re.IGNORECASE)
"""Between the numbers of "2x6 m" and "5h55"."""
_AND_PART = re.compile(
    r"(?<![\w.,])(?:(?P<whole>\d{1,9})|(?P<one>an?|one)\s+(?P<unit>[a-z]+))\s+and\s+"
    r"(?:(?:an?|1|one)\s+(?P<part>half|quarter)|(?:3|three)\s+(?P<parts>quarters))\b(?!\s+of\b)",
    re.IGNORECASE,
)
"""A mixed number, such as "2 and a half" or "an hour and a half"."""
_OF_TWO = re.compile(r"\b(?:add|sum(?:\s+of)?|total\s+of|between)\s+$", re.IGNORECASE)
"""Comes before two numbers, of which "and" makes no single one, unless another "and" follows."""
_AND_MORE = re.compile(rf"\s+and\s+(?:an?\s(?:hundred|thousand)|\d|{_SMALL}\b)", re.IGNORECASE)
_UNKNOWN = re.compile(
    r"\s+of\s+(?:what|which|(?:a|some)\s+number|the\s+(?:whole|total|original))\b",
    re.IGNORECASE,
)
"""Comes after the percentage of what is asked for, as in "12 is 30% of what number?"."""
_COMPOUND = re.compile(
    r"\bcompound|\bby\s+[\d.]+\s*%\s+(?:each|every|per|a)\s+(?:year|month|week|day)\b",
    re.IGNORECASE,
)
"""Says that a percentage is added again and again."""
_MINUS = "-\u2212"
_MAX_DIGITS = 15
"""Longer numbers are not exact as floats."""


def find_numbers(text: str) -> list[str]:
    """Return the numbers that a text mentions or implies, as Python writes them.

    A number that is mentioned twice is returned twice. A percentage keeps its sign, as in "25%";
    that of something unknown is "/25%", one that compounds "^25%", and a power is "**2".
    """
    numbers = find_mentioned(text)
    words = find_words(_lower(text))
    return [*numbers, *find_options(words, len(numbers)), *find_factors(words)]


def find_mentioned(text: str) -> list[str]:
    """Return the numbers of `find_numbers` that are in the text, be it as "double" or "dozen"."""
    lowered = _lower(text)
    numbers: list[str] = []
    for match in _TOKEN.finditer(lowered):
        word = match.group()
        if match.group(1):
            numbers += _read_digits(match, lowered)
        elif word in _MEANT:
            numbers.append(_MEANT[word])
    if is_around_square(find_words(lowered)):
        numbers = [each for each in numbers if each != "**2"]
    return numbers


def find_plain(text: str) -> list[str]:
    """Return the numbers of `find_numbers` without their signs."""
    return drop_signs(find_numbers(text))


def drop_signs(numbers: Iterable[str]) -> list[str]:
    """Return the numbers without the signs of percentages and powers."""
    return [each.strip("%*/^") for each in numbers]


def _lower(text: str) -> str:
    return _NO_POWER.sub(" ", write_digits(text.lower()))


def find_measured(text: str) -> list[str]:
    """Return a text's numbers that are written in digits and measure something.

    A year measures nothing, nor does a name such as "4th", "5B" or "bus 7", nor 1. "I'm 73" may
    be told by the way.
    """
    text = _write_parts(text)
    return [
        number
        for match in _DIGITS.finditer(text)
        if not _NAMED.search(text, 0, match.end()) and not _LABEL.match(text, match.end())
        for number in _read_digits(match, text)
        if number != "1"
    ]


def write_digits(text: str) -> str:
    """Return the text with digits in place of numbers in words, such as "twenty-five"."""
    return _write_parts(_IN_WORDS.sub(_write_words, text))


def _write_parts(text: str) -> str:
    """Return the text with "2.5" in place of "2 and a half", and "2 x 6" in place of "2x6"."""
    text = re.sub(r"(?<=\d)\s?\u00bd", ".5", _JOINED.sub(r" \1 ", text))
    return _AND_PART.sub(_write_part, text)


def _write_part(match: re.Match[str]) -> str:
    part = _PARTS[(match["part"] or match["parts"]).lower()]
    return f"{match['whole']}.{part}" if match["whole"] else f"1.{part} {match['unit']}"


def _write_words(match: re.Match[str]) -> str:
    first, joined, second = match[0].rpartition(" and ")
    are_two = _OF_TWO.search(match.string, 0, match.start())
    if joined and are_two and not _AND_MORE.match(match.string, match.end()):
        return f"{write_digits(first)} and {write_digits(second)}"
    return str(_read_words(match[0]))


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
            case "and":
                pass
            case _ if word in TENS:
                part += 10 * (TENS.index(word) + 2)
            case _:
                part += UNITS.index(word)
    return total + part


def _read_digits(match: re.Match[str], text: str) -> Iterator[str]:
    whole, fraction, bare, percent = match.group("whole", "fraction", "bare", "percent")
    number = _tidy(f"0{bare}" if bare else whole.replace(",", "") + (fraction or ""))
    if len(number) > _MAX_DIGITS:
        return
    before = text[: match.start()].rstrip()
    is_negative = text[: match.start()].endswith(tuple(_MINUS)) and not _ends_operand(before[:-1])
    sign = "-" if is_negative else ""
    if percent:
        compounds = _COMPOUND.search(text)
        sign = "/" if _UNKNOWN.match(text, match.end()) else "^" if compounds else sign
    yield f"{sign}{number}{'%' if percent else ''}"


def _ends_operand(text: str) -> bool:
    """Whether a minus sign after the text takes away what follows."""
    return bool(text.rstrip()) and (text.rstrip()[-1].isdigit() or text.rstrip()[-1] == ")")


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
