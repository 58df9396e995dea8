"""Reads and writes JSON as the standard has it, and writes server-sent events."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def load_json(data: str | bytes) -> Any:
    """Return a JSON value; its numbers are finite, so that it can be sent on.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(data, parse_constant=_refuse, parse_float=_read_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _read_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number} is not finite")


def dump_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def format_sse(data: bytes) -> bytes:
    """Return a server-sent event with data of one line, as JSON is."""
    return b"data: %b\n\n" % data
