"""The result of a tool as the model reads it."""

from __future__ import annotations

import json
import re
from contextlib import suppress

from pydantic import BaseModel

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+\b")


def to_text(value: object) -> str:
    """Return a result as text: data as JSON, and what has no text of its own by its kind."""
    match value:
        case str():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return f"{memoryview(value).nbytes:,} bytes"
        case dict() | list() | tuple() | BaseModel():
            with suppress(TypeError, ValueError):
                return json.dumps(value, ensure_ascii=False, default=_to_data)
    if type(value).__str__ is object.__str__:
        return _ADDRESS.sub("", repr(value))  # where it is in memory says nothing
    return str(value)


def _to_data(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else to_text(value)
