"""An arithmetic expression that a question is, or contains."""

from __future__ import annotations

import ast
import re

from streamchat.models.embedded.pythonic.numbers import find_numbers

_EXPRESSION = re.compile(r"[-\u2212(]*[\d.][\d.,()\s+*/^x\u00d7\u00f7\u2212-]*[\d)]")
_SPELLINGS = str.maketrans(
    {"^": "**", "\u00d7": "*", "x": "*", "\u00f7": "/", "\u2212": "-", ",": ""}
)
_TOKEN = re.compile(r"\*\*|\d+(?:\.\d+)?|\.\d+|[-+*/()]")
_OPERATORS = ("+", "-", "*", "/", "**")


def find_expression(question: str) -> str | None:
    """Return the expression in a question, as Python writes it; None if there is none.

    It must hold all the numbers of the question: with others, it may be only a part of what is
    asked.
    """
    found = max(_EXPRESSION.findall(question), key=len, default="")
    line = _space(_TOKEN.findall(found.translate(_SPELLINGS)))
    if " " not in line or find_numbers(question.replace(found, " ", 1)):
        return None
    try:
        ast.parse(line, mode="eval")
    except SyntaxError:
        return None
    return line


def _space(tokens: list[str]) -> str:
    """Join the tokens of an expression with spaces around its binary operators."""
    line, before = "", "("
    for each in tokens:
        is_sign = each == "-" and before in ("(", *_OPERATORS)
        line += f" {each} " if each in _OPERATORS and not is_sign else each
        before = each
    return line
