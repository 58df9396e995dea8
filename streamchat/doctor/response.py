"""A response as received, and as the agent reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from streamchat.agent.decoder import ChunkDecoder
from streamchat.agent.reply import Reply
from streamchat.doctor.probe import Failure, Observation
from streamchat.events import Event
from streamchat.models.wire.body import Chunk
from streamchat.models.wire.normalize import read_delta


@dataclass
class Response:
    """A response as received, and as the agent reads it."""

    raw: Observation

    @property
    def failure(self) -> Failure | None:
        """Why it is incomplete; None if it is complete."""
        return self.raw.failure

    @property
    def reply(self) -> Reply:
        """The message as the agent reads it."""
        return self._read[0]

    def count(self, kind: type[Event]) -> int:
        """Return the number of events of a kind that the agent makes of it."""
        return sum(1 for event in self._read[1] if isinstance(event, kind))

    @cached_property
    def _read(self) -> tuple[Reply, list[Event]]:
        decoder = ChunkDecoder()
        events: list[Event] = []
        for chunk in self.raw.chunks:
            events += decoder.feed(read_delta(chunk))
        rest, reply = decoder.finish()
        return reply, events + rest

    @property
    def deltas(self) -> list[dict[str, Any]]:
        """The deltas of the message."""
        return [delta for chunk in self.raw.chunks if (delta := _delta(chunk))]

    @property
    def fragments(self) -> list[dict[str, Any]]:
        """The fragments of tool calls."""
        lists = (delta.get("tool_calls") for delta in self.deltas)
        each = (call for calls in lists for call in (calls if isinstance(calls, list) else [calls]))
        return [call for call in each if isinstance(call, dict)]

    def function_values(self, name: str) -> list[Any]:
        """Return the values of a field of the fragments' functions that are not empty."""
        functions = (call.get("function") for call in self.fragments)
        found = (each.get(name) for each in functions if isinstance(each, dict))
        return [each for each in found if each not in (None, "")]

    @property
    def indexes(self) -> list[Any]:
        """The indexes of the fragments; None for one without."""
        return [call.get("index") for call in self.fragments]

    @property
    def ids(self) -> list[str]:
        """The IDs of the fragments that have one."""
        return [str(call["id"]) for call in self.fragments if call.get("id")]


def _delta(chunk: Chunk) -> dict[str, Any]:
    match chunk:
        case {"choices": [{"delta": dict(delta)}, *_]} | {
            "choices": [{"message": dict(delta)}, *_]
        }:
            return delta
        case _:
            return {}
