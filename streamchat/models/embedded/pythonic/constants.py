"""The numbers that the words of a question imply, such as 60 for minutes or 4 for wheels."""

from __future__ import annotations

import re

from streamchat.models.embedded.pythonic.implied import singularize
from streamchat.models.embedded.pythonic.numbers import UNITS

_WORDS = {
    "0.5": "kinetic area root sqrt side diagonal hypotenuse itself ladder straight",
    "1": "first other next another everyone everybody myself me us we",
    "1.8": "celsius fahrenheit farenheit centigrade degree deg c f",
    "2": "double doubling twice half halve halving pair couple both twin two square squaring "
    "area diagonal hypotenuse itself ladder straight perimeter fence fencing around round hedge "
    "border edge frame ribbon triangle triangular trapezium circumference radius diameter "
    "cylinder side way back return between together altogether halfway middle midpoint sum "
    "difference fortnight leg wheel bicycle bike shoe sock again once binary kinetic kin ke "
    "energy joule skirting",
    "3": "triple thrice third cube cubing triangle trio tricycle yard yd foot feet ft month "
    "quarterly",
    "4": "quarter fourth quadruple square perimeter fence fencing around round hedge border edge "
    "frame ribbon side leg wheel paw season",
    "5": "fifth fiver",
    "6": "sixth insect",
    "7": "seventh week weekly wk day daily",
    "8": "eighth spider octopus bit byte",
    "9": "ninth",
    "10": "tenth tenner decade mm millimetre cm centimetre finger toe",
    "11": "eleventh",
    "12": "twelfth month monthly mth year yearly yr annual annually annum inch foot feet ft dozen",
    "14": "fortnight stone",
    "15": "fifteenth",
    "16": "sixteenth ounce oz lb pound",
    "20": "twentieth score",
    "24": "h hr hour hourly day daily",
    "30": "thirtieth",
    "32": "celsius fahrenheit farenheit centigrade degree deg c f",
    "50": "fiftieth",
    "52": "week weekly wk year yearly yr annual annually annum",
    "60": "s sec second min minute h hr hour hourly mph kph",
    "100": "hundredth percent percentage pct pc cent ct pence p penny pound quid euro "
    "dollar century cm centimetre m metre hundred",
    "180": "angle",
    "365": "day daily year yearly yr annual annually annum",
    "1000": "thousandth mm millimetre m metre km kilometre g gram kg kilo kilogram t ton tonne ml "
    "millilitre l litre w watt wh kw kwh kb mb gb tb thousand grand",
    "3600": "hour second",
}
"""The words, in the singular, by the number that they imply."""
_WORD = re.compile(r"[a-z]+")
_SIGNS = {"%": "100", "\u00b2": "2", "\u00b3": "3", "\u221a": "0.5", "\u00b0": "360", "$": "100"}
_SIGNS |= {"\u00a3": "100", "\u20ac": "100"}
_THOUSANDS = re.compile(r"(?:kilo|mega|giga|tera|milli)[a-z]")
_TENS = {"twenties": "20", "thirties": "30", "forties": "40", "fifties": "50", "sixes": "6"}
_BY_WORD: dict[str, list[str]] = {}
for _number, _words in _WORDS.items():
    for _word in _words.split():
        _BY_WORD.setdefault(_word, []).append(_number)
for _value, _word in enumerate(UNITS[2:12], 2):
    _BY_WORD.setdefault(_word, []).append(str(_value))
_BELOW_ZERO = re.compile(
    r"[-\u2212][$\u20ac\u00a3]|\b(?:minus|negative|below|overdrawn|debt|under|owe|owed)\b",
    re.IGNORECASE,
)

_LENGTH = r"[ck]?m\b|\w*met|inch|feet|foot|yard|mile"
_POWERS = re.compile(
    rf"[\^\u221a]|(?<!m)[\u00b2\u00b3]|\*\*|\bto\s+the\s+\d|\b(?:square|cubic)(?!\s+(?:{_LENGTH}))|"
    r"\b(?:squar(?:ed|es|ing)|cube[ds]?|cubing|powers?|raised|exponent\w*|roots?|sqrt|itself|"
    r"hypotenuse|right[-\s]angled?|diagonals?|binary|kinetic|e_?kin|ke|energy|joules?|ladder|"
    r"straight|compound\w*|circ(?:le|ular)|radius|cylind\w+|sphere|doubl(?:es|ing)|"
    r"tripl(?:es|ing)|halv(?:es|ing))\b|"
    r"(?:%|per\s?cent|pct|pc)(?=.*\b(?:each|every|per|a|yearly|annual\w*)\b)",
    re.IGNORECASE | re.DOTALL,
)
"""What a power or a root is about; a percentage "every year" is one, "square metres" are none."""


def speaks_of_powers(text: str) -> bool:
    """Whether a calculation with the text may need a power or a root."""
    return bool(_POWERS.search(text))


def find_constants(text: str) -> list[str]:
    """Return the numbers that a calculation may need though the text does not mention them."""
    lowered = text.lower()
    found = [each for sign, each in _SIGNS.items() if sign in lowered]
    for word in _WORD.findall(lowered):
        found += _BY_WORD.get(singularize(word), ()) or _BY_WORD.get(word, ())
        found += [_TENS[word]] if word in _TENS else []
        found += ["1000"] if _THOUSANDS.match(word) else []
    return [*dict.fromkeys(found)]


def has_negative(text: str) -> bool:
    """Whether a number of the text may be below zero though it has no sign."""
    return bool(_BELOW_ZERO.search(text))
