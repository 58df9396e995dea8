"""The grammar of a sum for a model that was trained to write sums.

Such a model is left to choose what a calculation needs, where the rules of `grammar` guide one that
only has examples. What neither may write is a number from nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streamchat.models.embedded.pythonic.operands import Operands
from streamchat.models.embedded.pythonic.schema import quote

_OPERATORS = '" + " | " - " | " * " | " / "'
_MAX_REQUIRED = 6
"""The grammar grows exponentially with the numbers that a sum has to use."""
_MAX_MORE = 4
"""How often a sum may use a number again, or one that the question only implies."""
_MANY = 12
_MAX_DEPTH = 2


class _State(NamedTuple):
    """What was written so far.

    Attributes:
        kind: what comes next: "n" for a number or a parenthesis, "o" for an operator or an end.
        used: the required numbers that were used, as bits.
        more: how many others were.
        depth: the parentheses that are open.
    """

    kind: str
    used: int
    more: int
    depth: int

    @property
    def name(self) -> str:
        return f"{self.kind}{self.used}-{self.more}-{self.depth}"

    @property
    def is_sum(self) -> bool:
        """Whether there are two numbers or more."""
        return self.used.bit_count() + self.more > 1


def build_sum_rules(operands: Operands) -> tuple[str, list[str]]:
    """Return what stands for any sum of these numbers, and its rules.

    Of many numbers that are required, it need not use all.

    Returns:
        The name of the first rule, and the rules; none if there can be no sum.
    """
    more = sorted({*operands.required, *operands.others})
    spelled = {each: " | ".join(map(quote, operands.spellings.get(each, [each]))) for each in more}
    is_long = len(operands.required) > _MAX_REQUIRED
    required = [] if is_long else [spelled[each] for each in operands.required]
    most = _MANY if is_long else _MAX_MORE
    if not more:
        return "", []
    start = _State("n", 0, 0, 0)
    rules: dict[str, str] = {}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        if state.name in rules:
            continue
        steps = [*_list_steps(state, required, most)]
        rules[state.name] = " | ".join(
            f"{text} {after.name}" if after else text for text, after in steps
        )
        waiting += [after for _, after in steps if after]
    return start.name, [
        *(f"{name} ::= {steps}" for name, steps in rules.items()),
        f"operator ::= {_OPERATORS}" + (' | " ** "' if operands.has_powers else ""),
        f"number ::= {' | '.join(spelled.values())}",
    ]


def _list_steps(
    state: _State, required: Sequence[str], most: int
) -> Iterable[tuple[str, _State | None]]:
    """Yield what may come next, and the state after it; None ends the sum."""
    kind, used, more, depth = state
    unused = {each: at for at, each in enumerate(required) if not used >> at & 1}
    if kind == "n":
        for each, at in unused.items():
            yield f"({each})", _State("o", used | 1 << at, more, depth)
        if more < most:
            yield "number", _State("o", used, more + 1, depth)
        if depth < _MAX_DEPTH:
            yield '"("', _State("n", used, more, depth + 1)
        return
    if unused or more < most:
        yield "operator", _State("n", used, more, depth)
    if depth:
        yield '")"', _State("o", used, more, depth - 1)
    elif state.is_sum and not unused:
        yield '""', None
