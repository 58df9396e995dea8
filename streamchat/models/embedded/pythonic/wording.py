"""Sums in words: each way of saying one that can mean only one calculation, and its signs.

"Raise 140 by 35" is `(140 + 35)`. What can be read in two ways, such as "3 times less" or "half of
60 minus 4", is in no table: the model decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from streamchat.models.embedded.pythonic.numbers import write_digits

_Signs: TypeAlias = str | Callable[[re.Match[str]], str]
_DIGITS = r"(?:(?<![\d)])(?<![\d)] )-)?(?<![\w.])\d(?:[\d,.]*\d)?"
_GROUP = r"\((?:[^()]|\([^()]*\))*\)"
_ATOM = rf"(?:{_DIGITS}|{_GROUP})"
_N = rf"({_ATOM})"
"""A number, or what was translated already."""
_END = r"(?![\d.,]*\d|\s*[-+*/%])"
"""Comes after the last number of a phrase: no operator that might belong to it."""
_ALONE = r"(?<![-+*/(])(?<![-+*/] )"
"""Comes before a number that no operator takes yet."""
_P = r"(\d+(?:\.\d+)?)(?:\s*%|\s+per\s?cent\b)"
_LIST = rf"({_ATOM}(?:,\s+{_ATOM})*(?:,?\s+and|,)\s+{_ATOM})(?!,?\s+and\b|,\s*\d|\s+of\b){_END}"
IT = r"(?:it|that|this|the \w+|what (?:is left|remains|you (?:get|got|have)))\b"
_THEN = r"(?:[\s,;]|\.(?!\d)|\b(?:and|then|now|next|finally|after that)\b)+"
"""What comes before the next step of a calculation, which takes the result so far."""
_THEN_DONE = r"(?:\s*,|\s+and\b|\s+then\b)+\s+"
_LAST = r"(?=\W*$|\s*[,;.]|\s+(?:and|then)\b)"
_ASKED = (
    r"(?:\bwhat(?:['\u2019]?s|\s+is)|(?<!by )\bhow\s+much\s+is|"
    r"\bnumber(?:\s+(?:that|which))?(?:['\u2019]?s|\s+is)?)\s+(?:the\s+number\s+)?"
)
"""Rules out a comparison, such as "Is 5 less than 8?"."""
_MORE = r"(?:more|greater|larger|higher|bigger)\s+than|above"
_LESS = r"(?:less|fewer|smaller|lower)\s+than|below"
_THE = r"(?:\bthe\s+)?\b"
_RAISE = r"\b(?:increase|raise|boost)"
_LOWER = r"\b(?:decrease|reduce|lower|cut|diminish)"
_TAKE = r"\b(?:subtract|take\s+away|take|deduct|remove|knock)"
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7}
_PARTS |= {"eighth": 8, "ninth": 9, "tenth": 10}
_PART = rf"({'|'.join(_PARTS)})"


def _join(sign: str) -> _Signs:
    return lambda match: f"({f' {sign} '.join(_split(match[1]))})"


def _average(match: re.Match[str]) -> str:
    numbers = _split(match[1])
    return f"(({' + '.join(numbers)}) / {len(numbers)})"


def _subtract_smaller(match: re.Match[str]) -> str:
    """A difference between two numbers has no sign."""
    numbers = _split(match[1])
    if len(numbers) != 2 or "(" in match[1]:
        return match[0]
    return "({1} - {0})".format(*sorted(numbers, key=lambda each: float(each.replace(",", ""))))


def _divide_into_parts(match: re.Match[str]) -> str:
    return f"({match[2]} / {_PARTS[match[1].lower()]})"


def _raise_to_power(match: re.Match[str]) -> str:
    return f" ** {_PARTS[match[1].lower()]}"


def _multiply_parts(match: re.Match[str]) -> str:
    return f"({match[3]} * {match[1]} / {_PARTS[match[2].lower()]})"


def _split(numbers: str) -> list[str]:
    return re.findall(_ATOM, numbers)


_OPERATORS: tuple[tuple[str, _Signs], ...] = (
    (r"\b(is|of|by|from|to|add|plus|minus|times|calculate)\s+(?:minus|negative)\s+(?=\d)", r"\1 -"),
    (r"\b(?:plus|increased by)\b(?!\s*\d[\d.]*\s*(?:%|per\s?cent))", "+"),
    (r"\b(?:minus|decreased by|reduced by)\b(?!\s*\d[\d.]*\s*(?:%|per\s?cent))", "-"),
    (r"(?<=\d)\s+(?:less|take\s+away)\s+(?=\d)", " - "),
    (r"(?<!many )\b(?:times|multiplied by)\b", "*"),
    (r"\bdivided by\b", "/"),
    (r"\bsquared\b", "** 2"),
    (r"\bcubed\b", "** 3"),
    (r"\s(?:raised\s+)?to\s+the\s+power\s+(?:of\s+)?(?=\d)", " ** "),
    (r"\s(?:raised\s+)?to\s+the\s+(\d+)(?:st|nd|rd|th)\s+power\b", r" ** \1"),
    (rf"\s(?:raised\s+)?to\s+the\s+{_PART}\s+power\b", _raise_to_power),
    (r"\s+(?:and\s+)?then\s+(?=[-+*/]\s*[\d(])", ", "),
)
"""Words between two numbers, or after one."""
_DONE: tuple[tuple[str, _Signs], ...] = (
    (rf"{_THEN_DONE}doubled\b", ", * 2"),
    (rf"{_THEN_DONE}tripled\b", ", * 3"),
    (rf"{_THEN_DONE}halved\b", ", / 2"),
)
"""What is done with all that comes before a comma."""
_OF_ONE: tuple[tuple[str, _Signs], ...] = (
    (rf"\b(?:double|twice)\s+(?:of\s+)?{_N}{_END}", r"(\1 * 2)"),
    (rf"\btriple\s+(?:of\s+)?{_N}{_END}", r"(\1 * 3)"),
    (rf"\bhalve\s+{_N}{_END}", r"(\1 / 2)"),
    (rf"{_THE}square\s+(?:of\s+)?{_N}{_END}", r"(\1 ** 2)"),
    (rf"{_THE}cube\s+(?:of\s+)?{_N}{_END}", r"(\1 ** 3)"),
    (rf"{_THE}square\s+root\s+of\s+{_N}{_END}", r"(\1 ** 0.5)"),
    (rf"{_THE}(half)\s+(?:of\s+)?{_N}{_END}", _divide_into_parts),
    (rf"\b(?:an?|1)\s+{_PART}\s+of\s+{_N}{_END}", _divide_into_parts),
    (rf"\b(\d+)\s+{_PART}s\s+of\s+{_N}{_END}", _multiply_parts),
    (rf"(?<![\w./])(\d+)/(\d+)\s+of\s+{_N}{_END}", r"(\3 * \1 / \2)"),
    (rf"{_P}\s+of\s+{_N}{_END}", r"(\2 * \1 / 100)"),
)
"""Multiples, powers and parts of a number."""
_PERCENTS: tuple[tuple[str, _Signs], ...] = (
    (rf"{_RAISE}\s+{_N}\s+by\s+{_P}", r"(\1 * (100 + \2) / 100)"),
    (rf"{_LOWER}\s+{_N}\s+by\s+{_P}", r"(\1 * (100 - \2) / 100)"),
    (rf"{_ALONE}{_N}\s+increased\s+by\s+{_P}", r"(\1 * (100 + \2) / 100)"),
    (rf"{_ALONE}{_N}\s+(?:decreased|reduced)\s+by\s+{_P}", r"(\1 * (100 - \2) / 100)"),
    (rf"\badd\s+{_P}\s+to\s+{_N}{_END}", r"(\2 * (100 + \1) / 100)"),
    (
        rf"{_TAKE}\s+{_P}\s+(?:away\s+from|from|off|off\s+of)\s+{_N}{_END}",
        r"(\2 * (100 - \1) / 100)",
    ),
    (rf"{_P}\s+off\s+(?:of\s+)?{_N}{_END}", r"(\2 * (100 - \1) / 100)"),
    (rf"{_ASKED}{_P}\s+(?:{_MORE})\s+{_N}{_END}", r"(\2 * (100 + \1) / 100)"),
    (rf"{_ASKED}{_P}\s+(?:{_LESS})\s+{_N}{_END}", r"(\2 * (100 - \1) / 100)"),
)
"""A percentage that is added to a number, or taken off it."""
_OF_TWO: tuple[tuple[str, _Signs], ...] = (
    (rf"{_RAISE}\s+{_N}\s+by\s+{_N}{_END}", r"(\1 + \2)"),
    (rf"{_LOWER}\s+{_N}\s+by\s+{_N}{_END}", r"(\1 - \2)"),
    (rf"{_TAKE}\s+{_N}\s+(?:away\s+from|from|off|off\s+of)\s+{_N}{_END}", r"(\2 - \1)"),
    (rf"\bfrom\s+{_N},?\s+(?:subtract|take\s+away|take|deduct)\s+{_N}{_END}", r"(\1 - \2)"),
    (rf"{_ASKED}{_N}\s+(?:{_MORE})\s+{_N}{_END}", r"(\2 + \1)"),
    (rf"{_ASKED}{_N}\s+(?:{_LESS})\s+{_N}{_END}", r"(\2 - \1)"),
    (rf"\badd\s+{_N}\s+to\s+{_N}{_END}", r"(\1 + \2)"),
    (rf"\bmultiply\s+{_N}\s+(?:by|with|and)\s+{_N}{_END}", r"(\1 * \2)"),
    (rf"\bdivide\s+{_N}\s+by\s+{_N}{_END}", r"(\1 / \2)"),
    (
        rf"\bhow\s+(?:many\s+times|often)\s+(?:does|will)\s+{_N}\s+(?:go|fit)\s+into\s+{_N}{_END}",
        r"(\2 / \1)",
    ),
    (rf"{_THE}quotient\s+of\s+{_N}\s+and\s+{_N}{_END}", r"(\1 / \2)"),
)
"""What is done with two numbers."""
_STEPS: tuple[tuple[str, _Signs], ...] = (
    (rf"{_THEN}multiply(?:\s+{IT})?\s+by\s+(?=[\d(])", ", * "),
    (rf"{_THEN}\*\s+{IT}\s+by\s+(?=[\d(])", ", * "),
    (rf"{_THEN}divide(?:\s+{IT})?\s+by\s+(?=[\d(])", ", / "),
    (rf"{_THEN}{_RAISE}(?:\s+{IT})?\s+by\s+{_N}{_END}", r", + \1"),
    (rf"{_THEN}{_LOWER}(?:\s+{IT})?\s+by\s+{_N}{_END}", r", - \1"),
    (
        rf"{_THEN}(?:subtract|take\s+(?:away|off)|take|deduct|remove)\s+{_N}(?:\s+(?:away|off))?"
        rf"(?:\s+(?:from|of)\s+{IT})?",
        r", - \1",
    ),
    (rf"{_THEN}add\s+(?:another\s+)?{_N}(?:\s+more)?(?:\s+to\s+{IT})?", r", + \1"),
    (rf"{_THEN}double(?:\s+{IT})?{_LAST}", ", * 2"),
    (rf"{_THEN}triple(?:\s+{IT})?{_LAST}", ", * 3"),
    (rf"{_THEN}half\s+{IT}{_LAST}", ", / 2"),
    (rf"{_THEN}halve(?:\s+{IT})?{_LAST}", ", / 2"),
    (rf"{_THEN}square(?:\s+{IT})?{_LAST}", ", ** 2"),
    (rf"{_THEN}cube(?:\s+{IT})?{_LAST}", ", ** 3"),
    (rf"\b(?:take|start\s+(?:with|at|from))\s+{_N}(?=\s*,\s*[-+*/])", r"\1"),
)
"""What is done with the result so far."""
_OF_MANY: tuple[tuple[str, _Signs], ...] = (
    (rf"{_THE}sum\s+of\s+{_LIST}", _join("+")),
    (rf"\bthe\s+total\s+of\s+{_LIST}", _join("+")),
    (rf"\b(?:add|sum)(?:\s+up|\s+together)?\s+{_LIST}(?!\s+to\b)(?:\s+together)?", _join("+")),
    (rf"{_LIST}\s+(?:together|altogether|combined|in\s+total|add\s+up\s+to)\b", _join("+")),
    (rf"{_THE}product\s+of\s+{_LIST}", _join("*")),
    (rf"{_THE}(?:average|mean)\s+of\s+{_LIST}", _average),
    (rf"{_THE}difference\s+(?:of|between)\s+{_LIST}", _subtract_smaller),
)
"""What is done with a list of numbers."""
_LONGEST = 500
"""Characters of a question that may be a sum; a longer text is searched in vain, and for long."""
_CURRENCY = re.compile(r"[$\u20ac\u00a3](?=\d)")
_TABLE = (*_OPERATORS, *_DONE, *_OF_ONE, *_PERCENTS, *_OF_TWO, *_OF_MANY, *_STEPS)


def translate(question: str) -> str:
    """Return the question with digits and signs in place of words, as far as they are certain."""
    if len(question) > _LONGEST:
        return question
    text = _CURRENCY.sub("", write_digits(question))
    while (translated := _translate_once(text)) != text:
        text = translated
    return text


def _translate_once(text: str) -> str:
    for pattern, signs in _TABLE:
        text = _compile(pattern).sub(signs, text)
    return text


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
