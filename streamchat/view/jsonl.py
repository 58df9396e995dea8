"""One JSON object per line, one line per event, for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TextIO

from streamchat.events import ChunkReceived, Event, add_version, to_dict
from streamchat.turn import Turn
from streamchat.view import TextView


class JsonLines:
    """Writes objects as JSON, ASCII only, one a line. The first has the version of the format."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_first = True

    def write(self, plain: Mapping[str, Any]) -> None:
        """Write an object at once; values that JSON has no form for become strings.

        Raises:
            OSError: the output is gone.
        """
        versioned = add_version(plain) if self._is_first else plain
        self._is_first = False
        self._out.write(json.dumps(versioned, default=str) + "\n")
        self._out.flush()


class JsonView(TextView):
    """Writes every event but raw chunks, which are for debugging."""

    def __init__(self, out: TextIO) -> None:
        self._lines = JsonLines(out)

    def show(self, turn: Turn, event: Event) -> None:
        if not isinstance(event, ChunkReceived):
            self._lines.write(to_dict(event, turn.at))
