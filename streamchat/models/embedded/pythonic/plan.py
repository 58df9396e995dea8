"""The calls that a line of Python stands for. The line is parsed, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

ANSWER = "say"
"""What the model writes to answer."""
_OPERATORS: Mapping[type[ast.operator], tuple[str, bool]] = {
    ast.Add: ("add", False),
    ast.Sub: ("subtract", True),
    ast.Mult: ("multiply", False),
    ast.Pow: ("exponentiate", False),
}
"""The tool of each operator, and whether it takes the operands the other way around."""
_RECIPROCAL = -1
_MAX_DEPTH = 50


class LineError(ValueError):
    """The line is not one that the grammar lets the model write."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call whose arguments are values or, as `Ref`s, the results of earlier steps."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ref:
    """The result of the step at this position."""

    position: int


Value: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls of a line, each after those whose results it takes."""

    steps: tuple[Step, ...]

    def find_ready(self, results: Sequence[Any]) -> list[Step]:
        """Return the next calls, with results in place of references; none once all are done.

        Args:
            results: those of the calls that were returned so far, in their order.
        """
        known: dict[int, Any] = {}
        while True:
            left = [at for at in range(len(self.steps)) if at not in known]
            ready = [at for at in left if self._is_ready(at, known)]
            values = results[len(known) : len(known) + len(ready)]
            if not ready or len(values) < len(ready):
                return [self._fill(self.steps[at], known) for at in ready]
            known |= dict(zip(ready, values, strict=True))

    def _is_ready(self, at: int, known: Mapping[int, Any]) -> bool:
        return all(each.position in known for each in _find_refs(self.steps[at].arguments))

    def _fill(self, step: Step, known: Mapping[int, Any]) -> Step:
        return Step(
            step.name, {name: _fill(value, known) for name, value in step.arguments.items()}
        )


def read_plan(line: str, tools: Mapping[str, Sequence[str]]) -> Plan:
    """Return the calls that a line stands for.

    Args:
        line: as the model wrote it.
        tools: the names of the tools, each with those of its parameters in order.

    Raises:
        LineError: the line is no expression of calls and operators on these tools.
    """
    try:
        tree = ast.parse(line.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise LineError(f"not an expression: {error}") from None
    reader = _Reader(tools)
    if not isinstance(reader.read(tree, 0), Ref):
        raise LineError("nothing is called")
    return Plan(tuple(reader.steps))


class _Reader:
    def __init__(self, tools: Mapping[str, Sequence[str]]) -> None:
        self.steps: list[Step] = []
        self._tools = tools

    def read(self, node: ast.expr, depth: int) -> Value:
        """Add the calls in an expression to the steps; return its value, or where that will be."""
        if depth > _MAX_DEPTH:
            raise LineError("nested too deeply")
        deeper = depth + 1
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
            case ast.UnaryOp(
                op=ast.USub(),
                operand=ast.BinOp(
                    left=ast.Constant(value=int() | float() as value),
                    op=ast.Pow() as op,
                    right=power,
                ),
            ):  # in the grammar, the sign belongs to the number
                return self._read_operation(op, -value, self.read(power, deeper))
            case ast.List(elts=items):
                return [self.read(each, deeper) for each in items]
            case ast.Dict(keys=keys, values=values):
                return {
                    self._read_key(key): self.read(value, deeper)
                    for key, value in zip(keys, values, strict=True)
                }
            case ast.BinOp(left=left, op=op, right=right):
                return self._read_operation(op, self.read(left, deeper), self.read(right, deeper))
            case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
                return self._read_call(name, keywords, deeper)
            case _:
                raise LineError(f"{ast.unparse(node)} is not a call")

    def _read_key(self, key: ast.expr | None) -> str:
        match key:
            case ast.Constant(value=str(text)):
                return text
            case _:
                raise LineError("a key must be a string")

    def _read_operation(self, op: ast.operator, left: Value, right: Value) -> Ref:
        if isinstance(op, ast.Div):  # there is no tool for it, but a power of -1 is the reciprocal
            right, op = self._read_operation(ast.Pow(), right, _RECIPROCAL), ast.Mult()
        if type(op) not in _OPERATORS:
            raise LineError("an operator without a tool")
        name, swapped = _OPERATORS[type(op)]
        x, y = (right, left) if swapped else (left, right)
        return self._add(name, {"x": x, "y": y})

    def _read_call(self, name: str, keywords: Sequence[ast.keyword], depth: int) -> Ref:
        arguments = {each.arg or "": self.read(each.value, depth) for each in keywords}
        if len(arguments) < len(keywords):
            raise LineError("an argument is repeated")
        return self._add(name, arguments)

    def _add(self, name: str, arguments: Mapping[str, Value]) -> Ref:
        known = self._tools.get(name)
        if known is None or not set(arguments) <= set(known):
            raise LineError(f"{name} is not a tool with these parameters")
        self.steps.append(Step(name, arguments))
        return Ref(len(self.steps) - 1)


def _find_refs(value: Any) -> Iterator[Ref]:
    match value:
        case Ref():
            yield value
        case Mapping():
            for each in value.values():
                yield from _find_refs(each)
        case list():
            for each in value:
                yield from _find_refs(each)


def _fill(value: Any, known: Mapping[int, Any]) -> Any:
    match value:
        case Ref(position):
            return known[position]
        case dict():
            return {name: _fill(each, known) for name, each in value.items()}
        case list():
            return [_fill(each, known) for each in value]
        case _:
            return value
