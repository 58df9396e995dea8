"""An arithmetic expression that a question is, or contains."""

from __future__ import annotations

import ast
import re

from streamchat.models.embedded.pythonic.numbers import find_numbers

_EXPRESSION = re.compile(r"[-\u2212(]*[\d.][\d.,()\s+*/^x\u00d7\u00f7\u2212-]*[\d)]")
_SPELLINGS = str.maketrans({"^": "**", "\u00d7": "*", "x": "*", "\u00f7": "/", "\u2212": "-"})
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_TOKEN = re.compile(r"\*\*|\d+(?:\.\d+)?|\.\d+|[-+*/()]")
_OPERATORS = ("+", "-", "*", "/", "**")


def find_expression(question: str) -> str | None:
    """Return the expression in a question, as Python writes it; None if there is none.

    It must hold all the numbers of the question: with others, it may be only a part of what is
    asked.
    """
    found = max(_EXPRESSION.findall(question), key=len, default="")
    if find_numbers(question.replace(found, " ", 1)):
        return None
    line = _write(_TOKEN.findall(_THOUSANDS.sub("", found).translate(_SPELLINGS)))
    if line.startswith("-") and not _is_plain(line):  # such as -2 ** 2, which is not (-2) ** 2
        line = f"0 - {line[1:]}"
    return line if " " in line and _is_plain(line) else None


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
