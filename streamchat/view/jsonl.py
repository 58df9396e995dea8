"""One JSON object per line, one line per event, for programs."""

from __future__ import annotations

import json
from typing import Any, TextIO

from streamchat.events import VERSION, ChunkReceived, Event, to_dict
from streamchat.turn import Turn
from streamchat.view import TextView


class JsonView(TextView):
    """Writes events as ASCII-only JSON. The first line tells the version of the format."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._head: dict[str, Any] = {"version": VERSION}

    def show(self, turn: Turn, event: Event) -> None:
        """Writes the event; raw chunks are for debugging and are left out."""
        if isinstance(event, ChunkReceived):
            return
        self._out.write(json.dumps(self._head | to_dict(event), default=str) + "\n")
        self._head = {}
        self._out.flush()
