"""Reads JSON as the standard has it (RFC 8259), with finite numbers."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def load_json(data: str | bytes, *, unique_keys: bool = False) -> Any:
    """Return a JSON value; its numbers are finite, so that it can be sent on.

    Args:
        data: the text.
        unique_keys: refuse an object that has a key twice.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(
            data,
            parse_constant=_refuse,
            parse_float=_read_float,
            object_pairs_hook=_refuse_repeats if unique_keys else None,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _read_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large for a number")
    return number


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key is repeated")
    return fields
