"""An arithmetic expression that a question is, or contains, in signs or in words."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from streamchat.models.embedded.pythonic.numbers import find_numbers
from streamchat.models.embedded.pythonic.wording import IT, translate

_EXPRESSION = re.compile(r"[-\u2212(]*[\d.][\d.,()\s+*/^x\u00d7\u00f7\u2212-]*[\d)]")
_SPELLINGS = str.maketrans({"^": "**", "\u00d7": "*", "x": "*", "\u00f7": "/", "\u2212": "-"})
_THEN = re.compile(r"(\d\)?),\s*(?:and\s+)?(?:then\s+)?([-+*/])")
_FIRST = re.compile(r"[-\u2212(.]*\d")
_LEADING = re.compile(
    rf"[^\w+*/-]*(?:(?:and|now|then|so|ok|okay|what|whats|what's|is|{IT})[\s,]+)*([-+*/][^a-z]*)",
    re.IGNORECASE,
)
"""A question that goes on with the last result, such as "and plus 7?"."""
_RESULT = re.compile(
    r"\b(?:it|that|this|the\s+(?:last\s+)?(?:result|answer|number|sum|total|product|difference))\b",
    re.IGNORECASE,
)
_RESULTS = re.compile(
    r"\b(?:those|these|the|both|last|two)\s+(?:results|answers|sums|totals|products)\b|"
    r"\b(?:add|sum|multiply|subtract|between)\s+(?:those|these|them|both)\b",
    re.IGNORECASE,
)
_OF_THEM = re.compile(r"\d\s+of\s+(?:them|those|these)\b", re.IGNORECASE)
_SHARED_REST = re.compile(
    r"\b(?:split|shared?|divided?)\s+(?:up\s+)?(?:the\s+)?(?:rest|remain\w+|leftovers?|lot)\b|"
    r"\b(?:rest|remain\w+)\s+(?:\w+\s+){0,3}(?:split|shared|divided)\b",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"(?:\b(?:what|whats|which|s|is|are|does|do|how|much|find|calculate|compute|evaluate|solve|"
    r"work out|make|give me|can|could|you|tell me|please|the result of|the|number|equal|equals|get|"
    r"i|if|many|left|remains?|when|gives?|have|u|and|so|now|ok|okay|hi|hello|hey)\b|\W)*",
    re.IGNORECASE,
)
"""The words of a question that asks only for a result."""
_COUNTED = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s+([a-z]{2,})", re.IGNORECASE)
_VARIES = re.compile(
    r"(?=.*\binstead\b)|\W*(?:(?:and|so|ok|okay)\W+)?(?:and|what about|how about|what if)\b"
    r"(?!.*\b(?:more|less|fewer|that|it)\b)",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"\binstead\b|\b(?:what|how)\s+about\b|\bwhat\s+if\b", re.IGNORECASE)
_OPERAND = re.compile(r"\(*-?[\d.]+\)*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_APART = re.compile(r"[\d)],?\s+[\d(.]")
"""Numbers with no operator between them."""
_DANGLING = re.compile(r"(?:^|[^\s,])\s*[-+*/]\s*$")
"""An operator that takes something else, as the first in "that minus 5 plus 3"."""
_STATED = re.compile(
    r"(?:%|\b(?:per\s?cent|half|thirds?|quarters?|fourths?|fifths?|tenths?))\s+off?\b",
    re.IGNORECASE,
)
"""A part that a word problem may state, to ask for the rest: "20% of 50 are ill. Who is not?"."""
_GAP = "\ufffc"
"""Stands in a question for its expression."""
_TOKEN = re.compile(r"\*\*|\d+(?:\.\d+)?|\.\d+|[-+*/()]")
_OPERATORS = ("+", "-", "*", "/", "**")


def find_expression(question: str) -> str | None:
    """Return the expression in a question, as Python writes it; None if there is none.

    It must hold all the numbers of the question: with others, it may be only a part of what is
    asked. In words, a comma before an operator closes what it applies to.
    """
    found, rest = _split(question)
    before = rest.partition(_GAP)[0]
    if find_numbers(rest) or _APART.search(found) or _DANGLING.search(before):
        return None
    if _STATED.search(question) and not _ASKING.fullmatch(rest):
        return None
    line = _write(_TOKEN.findall(_THOUSANDS.sub("", found).translate(_SPELLINGS)))
    if ")" in line and ")" not in question and _is_plain(line):
        line = ast.unparse(ast.parse(line, mode="eval"))  # without superfluous parentheses
    if line.startswith("-") and not _is_plain(line):  # such as -2 ** 2, which is not (-2) ** 2
        line = f"0 - {line[1:]}"
    return line if " " in line and _is_plain(line) else None


def asks_only_for_result(question: str) -> bool:
    """Whether a question asks for nothing but the result of its expression."""
    _, rest = _split(question)
    return bool(_ASKING.fullmatch(rest))


def refers_to_results(question: str) -> bool:
    """Whether a question is about several earlier results, such as "add those together"."""
    return bool(_RESULTS.search(question))


def takes_of_result(question: str) -> bool:
    """Whether a question begins with the last result, such as "I lost 8 of them"."""
    return bool(_OF_THEM.search(question))


def shares_rest(question: str) -> bool:
    """Whether a question is about sharing what a calculation leaves, so that this comes first."""
    return bool(_SHARED_REST.search(question))


def _split(question: str) -> tuple[str, str]:
    """Return the longest part that may be an expression, and the rest."""
    text = _group(translate(question))
    found = max(_EXPRESSION.findall(text), key=len, default="")
    return found, text.replace(found, _GAP, 1) if found else text


def find_continuation(question: str, result: str) -> str | None:
    """Return the expression in a question that goes on with a result, such as "minus 10?"."""
    leading = _LEADING.fullmatch(translate(f" {question}"))
    if re.match(r"\s*[-\u2212][\d(.]", question):
        return None
    text = f"{result} {leading[1]}" if leading else _RESULT.sub(result, question, count=1)
    if not leading and (text == question or not asks_only_for_result(text)):
        return None
    line = find_expression(text)
    return None if line and line.startswith("0 - ") else line


def find_variations(question: str, earlier: str, line: str) -> list[str]:
    """Return the lines for an earlier question with another number in place of one of its own.

    Such as "And 10 packs?" after "How many are in 5 packs?", which has one; "What about 12?" may
    mean any of the numbers.
    """
    numbers = find_numbers(question)
    if len(numbers) != 1 or not _VARIES.match(question):
        return []
    tokens = line.split(" ")
    places = [at for at, each in enumerate(tokens) if _OPERAND.fullmatch(each)]
    if counted := _COUNTED.search(_THOUSANDS.sub("", question)):
        same = [count for count, each in _COUNTED.findall(earlier) if each == counted[2]]
        counting = [at for at in places if tokens[at].strip("()") in same]
        if len(counting) == 1:
            return [_replace(tokens, counting[0], numbers[0])]
    return [_replace(tokens, at, numbers[0]) for at in places] if _INSTEAD.search(question) else []


def _replace(tokens: Sequence[str], at: int, number: str) -> str:
    changed = re.sub(r"-?[\d.]+", number, tokens[at])
    return " ".join([*tokens[:at], changed, *tokens[at + 1 :]])


def _group(text: str) -> str:
    """Put parentheses around what a comma before an operator closes."""
    while then := _THEN.search(text):
        first = _FIRST.search(text)
        start = first.start() if first else 0
        text = f"{text[:start]}({text[start : then.end(1)]}) {text[then.start(2) :]}"
    return text


def _is_plain(line: str) -> bool:
    """Whether the line is an expression in which only numbers have a sign."""
    try:
        tree = ast.parse(line, mode="eval").body
    except SyntaxError:
        return False
    return all(map(_is_number, _list_parts(tree)))


def _list_parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [*_list_parts(node.left), *_list_parts(node.right)]
    return [node]


def _is_number(node: ast.expr) -> bool:
    match node:
        case ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return True
        case _:
            return False


def _write(tokens: list[str]) -> str:
    """Join the tokens of an expression with spaces around its binary operators.

    Numbers that stand side by side stay apart, which is an error in Python.
    """
    line, before = "", "("
    for each in tokens:
        follows_operand = before not in ("(", *_OPERATORS)
        if each == "(" and follows_operand:
            line += " * "
        elif each not in (*_OPERATORS, ")") and follows_operand:
            line += " "
        is_binary = each in _OPERATORS and (each != "-" or follows_operand)
        line += f" {each} " if is_binary else each
        before = each
    return line
