"""The grammar of the one line that the model may write, in llama.cpp's GBNF.

It lets the model write no unknown tool, no unknown argument and no broken call, and no number that
was not mentioned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from streamchat.models.embedded.pythonic.layout import Layout
from streamchat.models.embedded.pythonic.operands import Operands
from streamchat.models.embedded.pythonic.schema import SchemaRules, quote
from streamchat.models.embedded.pythonic.sums import build_sum_rules

_MAX_COUNTED = 5
"""Of so many numbers each is used once at most; the grammar grows exponentially with them."""
_MAX_DEPTH = 3
_LONG, _LONGEST_SENTENCE = 600, 200
_LONG_LINE = 150
_END = r"""
end ::= letter stop | before digits | ":)"
digits ::= [0-9]{1,15} stop
stop ::= [.)]{0,3}
letter ::= [^"\\\n0-9.) ,:;(*\u2022\u2013\u2014-] | "\\" ["\\']
before ::= [^"\\\n0-9] | "\\" ["\\']
one ::= [^"\\\n] | "\\" ["\\']
"""
"""The end of a text: no comma, colon or dash, and no number of an item that is missing."""
_TEXT = rf"""
text ::= char{{0,{_LONG - 1}}} end | char{{{_LONG}}} inner{{0,{_LONGEST_SENTENCE}}} [.!?] | digits
char ::= one | "\\n"
inner ::= [^"\\\n.!?] | "\\" ["\\n']
{_END.strip()}
"""
"""Text of any kind. A long one ends with its sentence."""
_LINE = rf"""
line ::= (letter | [0-9(]) one{{0,{_LONG_LINE}}}
last ::= one{{0,{_LONG_LINE - 1}}} end | one{{{_LONG_LINE}}} rest{{0,{_LONGEST_SENTENCE}}} [.!?]
rest ::= [^"\\\n.!?] | "\\" ["\\']
{_END.strip()}
"""
"""A line that others follow, and one that ends what it says."""
_OPERATOR = '" + " | " - " | " ** " | " * " | " / "'


def build_question_grammar(
    numbers: Sequence[str],
    expression: str | None,
    tools: Mapping[str, Mapping[str, Any]],
    layout: Layout | None = None,
    first: str | None = None,
) -> str:
    """Return the grammar of the line that a question is answered with.

    Args:
        numbers: those that may be calculated with, each as often as it is there; none rules out
            calculating. A percentage, such as "25%", is only multiplied by, that of something
            unknown, "/25%", divided by, one that compounds, "^25%", multiplied by again and again,
            and a power, "**2", raised to.
        expression: the only calculation to allow, if it is known.
        tools: the parameters' schemas of the tools that are called by name.
        layout: the lines that an answer has to have.
        first: the number or parenthesis that every calculation begins with, unless there are
            many numbers.
    """
    roots, rules = ["answer"], [_write_answer(layout)]
    if expression:
        roots.append(quote(expression))
    elif len(numbers := _choose_operands(numbers)) > 1:
        counts = len(numbers) <= _MAX_COUNTED
        start, chain = _chain_numbers(numbers, first) if counts else _mix_numbers(numbers)
        roots.append(start)
        rules += [*chain, f"operator ::= {_OPERATOR}"]
    if tools:
        schemas = SchemaRules(tools)
        roots.append(schemas.root)
        rules += schemas.rules
    return "\n".join([f"root ::= {' | '.join(roots)}", *rules])


def build_sum_grammar(operands: Operands, layout: Layout | None = None) -> str:
    """Return the grammar of the line of a model that was trained to write sums.

    Args:
        operands: the numbers that a sum may be made of.
        layout: the lines that an answer has to have.
    """
    start, rules = build_sum_rules(operands)
    root = f"answer | {start}" if start else "answer"
    return "\n".join([f"root ::= {root}", _write_answer(layout), *rules])


def build_expression_grammar(expressions: Sequence[str]) -> str:
    """Return the grammar of a line that can only be one of these calculations."""
    return f"root ::= {' | '.join(map(quote, expressions))}"


def build_closing_grammar(asked: Sequence[str], results: Sequence[str]) -> str:
    """Return the grammar of one sentence that says a result, after whatever led to it.

    Args:
        asked: the other numbers that it may hold.
        results: how the result may be written; none rules out nothing.
    """
    if not results:
        return f"root ::= answer\n{_write_answer(None)}"
    first = "(number | part)" if asked else "part"
    sentence = f"{first} part{{0,120}} before result (part{{0,99}} final)? [.!]?"
    return "\n".join(
        [
            f'root ::= "say(\\"" {sentence} "\\")"',
            "part ::= before number | plain" if asked else "part ::= plain",
            "final ::= before number | letter" if asked else "final ::= letter",
            'before ::= " " | "(" | "$" | "\u20ac" | "\u00a3" | "="',
            f"result ::= {_write_numbers(results)}",
            *([f"number ::= {_write_numbers(asked)}"] if asked else []),
            'plain ::= [^"\\\\\\n0-9.!?]',
            'letter ::= [^"\\\\\\n0-9.!? ,:;(*=$\u20ac\u00a3\u2013\u2014-]',
        ]
    )


def _write_answer(layout: Layout | None) -> str:
    """Return the rules of an answer, free or in lines."""
    if layout is None:
        return f'answer ::= "say(\\"" text "\\")"\n{_TEXT.strip()}'
    separator = ' "\\\\n" '
    if layout.numbered:
        lines = separator.join(f'"{at}. " last' for at in range(1, layout.count + 1))
    else:
        lines = separator.join(["line"] * (layout.count - 1) + ["last"])
    return f'answer ::= "say(\\"" {lines} "\\")"\n{_LINE.strip()}'


def _write_numbers(numbers: Iterable[str]) -> str:
    return " | ".join(map(quote, sorted(set(numbers))))


def _chain_numbers(numbers: Sequence[str], first: str | None) -> tuple[str, list[str]]:
    """Return what stands for any expression that uses each number at most once, and its rules.

    There is a rule for each set of numbers used so far and each nesting of parentheses. It says
    what may come next: `n` rules a number or a parenthesis, `o` rules an operator or an end.
    """
    rules: dict[str, list[str]] = {}
    begin = ""
    start: _State = ("n", 0, (False,))
    if first == "(" and len(numbers) > 2:
        begin, start = '"(" ', ("n", 0, (False, False))
    elif first and first in numbers:
        begin, start = f"{quote(first)} ", ("o", 1 << numbers.index(first), (False,))
    waiting: list[_State] = [start]
    while waiting:
        state = waiting.pop()
        if _name(state) in rules:
            continue
        steps = [*_list_steps(state, numbers)]
        rules[_name(state)] = [
            f"{literal} {_name(after)}" if after else '""' for literal, after in steps
        ]
        waiting += [after for _, after in steps if after]
    return f"{begin}{_name(start)}", [
        f"{name} ::= {' | '.join(steps)}" for name, steps in rules.items()
    ]


def _mix_numbers(numbers: Sequence[str]) -> tuple[str, list[str]]:
    """Return the first of the rules for expressions of many numbers, which may be repeated."""
    plain = [each for each in numbers if _is_plain(each)]
    changes = [_write_change(each) for each in sorted(set(numbers) - set(plain))]
    after = " | ".join(["operator part", *changes])
    return "sum", [
        f"sum ::= part ({after}){{1,{len(numbers) - 1}}}",
        'part ::= number | "(" number (operator number){1,5} ")"',
        f"number ::= {_write_numbers(plain)}",
    ]


def _choose_operands(numbers: Sequence[str]) -> Sequence[str]:
    """Return the numbers as they are, or percentages alone as plain numbers of a hundred."""
    if any(map(_is_plain, numbers)):
        return numbers
    percents = [each.strip("/^%") for each in numbers if each.endswith("%")]
    return [*percents, "100"] if percents else ()


def _is_plain(number: str) -> bool:
    return not number.endswith("%") and not number.startswith("**")


def _write_change(number: str) -> str:
    """Return what a power or a percentage does to the number before it."""
    if number.startswith("**"):
        return quote(f" ** {number[2:]}")
    percent = number.strip("/^%")
    if number.startswith("/"):
        return quote(f" * 100 / {percent}")
    ways = (f"{percent} / 100", f"(100 - {percent}) / 100", f"(100 + {percent}) / 100")
    return f'" * " ({" | ".join(map(quote, ways))})'


def _write_growth(number: str) -> str:
    """Return what a percentage does that is added or taken off again and again."""
    percent = number.strip("^%")
    return f'" * ((100 " ("+" | "-") " {percent}) / 100) ** "'


_State = tuple[str, int, tuple[bool, ...]]
"""What comes next, the numbers used as bits, and for each open parenthesis whether it has an
operator yet; the outermost stands for the whole line."""


def _list_steps(state: _State, numbers: Sequence[str]) -> Iterable[tuple[str, _State | None]]:
    """Yield what may come next, and the state after it; None ends the line."""
    kind, used, open_ = state
    unused = [at for at in range(len(numbers)) if not used >> at & 1]
    left = [at for at in unused if _is_plain(numbers[at])]
    if kind == "n":
        yield from ((quote(numbers[at]), ("o", used | 1 << at, open_)) for at in left)
        if len(left) > 1 + open_[1:].count(False) and len(numbers) > 2 and len(open_) < _MAX_DEPTH:
            yield '"("', ("n", used, (*open_, False))
        return
    if left:
        yield "operator", ("n", used, (*open_[:-1], True))
    for at in set(unused) - set(left):
        if left and numbers[at].startswith("^"):
            yield _write_growth(numbers[at]), ("n", used | 1 << at, (*open_[:-1], True))
            continue
        yield _write_change(numbers[at]), ("o", used | 1 << at, (*open_[:-1], True))
    if len(open_) > 1 and open_[-1]:
        yield '")"', ("o", used, (*open_[:-2], True))
    if len(open_) == 1 and open_[-1]:
        yield "", None


def _name(state: _State) -> str:
    kind, used, open_ = state
    return f"{kind}{used}{''.join('-1' if each else '-0' for each in open_)}"
