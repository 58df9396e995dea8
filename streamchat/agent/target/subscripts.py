"""Which keys a function reads from its argument, found in its bytecode.

LangChain reads them in the source, which for a lambda among others in a dict it cannot parse.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import FunctionType
from typing import Any


def find_keys(function: Callable[..., Any] | None) -> dict[str, bool]:
    """Return the string keys that a function reads from its first argument.

    Each key comes with whether it is required: `x["key"]` requires it, `x.get("key")` does not.
    """
    if not isinstance(function, FunctionType) or not function.__code__.co_argcount:
        return {}
    code = function.__code__
    steps = [each for each in dis.get_instructions(code) if each.opname not in _SILENT]
    keys: dict[str, bool] = {}
    for at, step in enumerate(steps[:-2]):
        if not step.opname.startswith("LOAD_FAST") or step.argval != code.co_varnames[0]:
            continue
        after, last = steps[at + 1], steps[at + 2]
        if _is_text(after) and _subscripts(last):
            keys[after.argval] = True
        elif after.argval == "get" and _is_text(last):
            keys.setdefault(last.argval, False)
    return keys


_SILENT = frozenset({"CACHE", "PRECALL", "PUSH_NULL", "NOP", "RESUME", "EXTENDED_ARG"})


def _is_text(step: dis.Instruction) -> bool:
    return step.opname == "LOAD_CONST" and isinstance(step.argval, str)


def _subscripts(step: dis.Instruction) -> bool:
    return step.opname == "BINARY_SUBSCR" or (step.opname == "BINARY_OP" and step.argrepr == "[]")
