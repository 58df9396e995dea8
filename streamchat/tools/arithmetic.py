"""The four arithmetic tools, on finite real numbers.

Whole numbers are exact. A result too large for a 64-bit float is an error, raised before it is
calculated: 10 to the power of 1e9 would take minutes and gigabytes.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeAlias

from langchain_core.tools import ToolException, tool
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

_MAX_DIGITS = math.log10(1.7976931348623157e308)
_MAX_EXACT = 1e16


def _fits_a_float(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an int beyond the range of floats
        return False


def _check_number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    if not _fits_a_float(value):
        raise ValueError("not a finite number of at most 308 digits")
    return value


# One plain check: for a union, pydantic reports the errors of every member.
Number: TypeAlias = Annotated[
    int | float, PlainValidator(_check_number), WithJsonSchema({"type": "number"})
]


class _Operands(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    x: Number
    y: Number


class _Difference(_Operands):
    x: Annotated[Number, Field(description="the number that is taken away")]
    y: Annotated[Number, Field(description="the number it is taken from")]


def _check_result(value: int | float) -> int | float:
    """Return the value, whole numbers as int.

    Raises:
        ToolException: it is out of range.
    """
    if not _fits_a_float(value):
        raise ToolException("the result is too large")
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_EXACT:
        return int(value)
    return value


def _raise(x: int | float, y: int | float) -> int | float:
    if x == 0 and y < 0:
        raise ToolException("0 has no negative power")
    if x < 0 and not float(y).is_integer():
        raise ToolException("a negative number has no real power that is not whole")
    if abs(x) > 1 and y * math.log10(abs(x)) > _MAX_DIGITS + 1:
        raise ToolException("the result is too large")
    power: int | float = float(x) ** y if y < 0 else x**y
    return power


@tool(args_schema=_Operands)
def add(x: int | float, y: int | float) -> int | float:
    """Add x and y."""
    return _check_result(x + y)


@tool(args_schema=_Difference)
def subtract(x: int | float, y: int | float) -> int | float:
    """Take x away from y: the result is y - x."""
    return _check_result(y - x)


@tool(args_schema=_Operands)
def multiply(x: int | float, y: int | float) -> int | float:
    """Multiply x by y."""
    return _check_result(x * y)


@tool(args_schema=_Operands)
def exponentiate(x: int | float, y: int | float) -> int | float:
    """Raise x to the power of y."""
    try:
        return _check_result(_raise(x, y))
    except OverflowError:
        raise ToolException("the result is too large") from None


ARITHMETIC = (add, subtract, multiply, exponentiate)
