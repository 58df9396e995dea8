"""The requests to models that a turn waits for, and the messages that answer them."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass

from streamchat.agent.decoder import ChunkDecoder


@dataclass(slots=True)
class ModelRequest:
    """A request without a message yet. `place` is its task; `step` is 0 until it is announced."""

    run_id: Hashable
    place: str
    time: float
    step: int = 0


@dataclass(slots=True)
class OpenMessage:
    """A message on its way. Its step is 0 if no model was asked for it.

    Attributes:
        key: what the floor knows it by.
        request: what it answers.
        first: when its first piece came; None before, and if it comes whole.
    """

    key: Hashable
    decoder: ChunkDecoder
    request: ModelRequest
    first: float | None = None


class ModelRequests:
    """Finds the request that a message answers."""

    def __init__(self) -> None:
        self._waiting: list[ModelRequest] = []

    def add(self, request: ModelRequest) -> None:
        self._waiting.append(request)

    def drop(self, run_ids: Collection[Hashable]) -> None:
        """Forget requests that have failed."""
        self._waiting = [each for each in self._waiting if each.run_id not in run_ids]

    def take(self, message_id: str, place: str) -> ModelRequest | None:
        """Return the request that a message answers, and forget it.

        LangChain names a message after the run, unless its server has given it an ID.
        """
        found = self._find(message_id, place)
        if found:
            self._waiting.remove(found)
        return found

    def continues(self, message: OpenMessage, message_id: str, place: str) -> bool:
        """Whether a chunk with a new ID belongs to a message on its way.

        OpenAI's newer API gives the first chunk an ID of its own, and LangChain the others the
        run's.
        """
        if names_run(message_id, message.request.run_id):
            return True
        return message.request.place == place and self._find(message_id, place) is None

    def _find(self, message_id: str, place: str) -> ModelRequest | None:
        named = (each for each in self._waiting if names_run(message_id, each.run_id))
        here = (each for each in self._waiting if each.place == place)
        return next(named, None) or next(here, None)


def names_run(message_id: str, run_id: Hashable) -> bool:
    """Whether LangChain has named a message after this run."""
    return str(run_id) in message_id
