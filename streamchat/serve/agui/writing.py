"""Writes events of AG-UI as JSON objects."""

from __future__ import annotations

import json
from typing import Any

from streamchat.serve.frames import dump_json

METADATA = "streamchat"
"""The key of streamchat's own metadata, and the first part of the names of CUSTOM events."""


def write_event(type: str, /, **fields: Any) -> bytes:
    return dump_json({"type": type, **fields})


def write_custom(name: str, /, **value: Any) -> bytes:
    return write_event("CUSTOM", name=f"{METADATA}.{name}", value=value)


class Deltas:
    """Writes events that differ only in their `delta`: most events of a run do.

    Args:
        type: the events'.
        fields: what they have in common.
    """

    def __init__(self, type: str, /, **fields: Any) -> None:
        self._start = f'{write_event(type, **fields).decode()[:-1]},"delta":'

    def write(self, delta: str) -> bytes:
        return f"{self._start}{json.dumps(delta)}}}".encode()
