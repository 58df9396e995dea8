"""Writes JSON and server-sent events."""

from __future__ import annotations

import json


def dump_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def format_sse(data: bytes) -> bytes:
    """Return a server-sent event with data of one line, as JSON is."""
    return b"data: %b\n\n" % data
