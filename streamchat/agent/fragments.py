"""Fragments of tool calls, and a call while it is assembled from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from streamchat.agent.reply import Call
from streamchat.models.wire.delta import Delta
from streamchat.text.partial_json import AnswerReader
from streamchat.text.surrogates import SurrogateJoiner


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment of a call; empty strings and None stand for what the server did not send."""

    index: int | None
    id: str
    name: str
    arguments: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def read_fragments(delta: Delta) -> Iterator[Fragment]:
    """Yield the fragments of calls in a chunk, or the calls of a whole message."""
    fields = delta.extras.calls if delta.extras else ()
    for part, extra in zip_longest(delta.calls, fields):
        if part:
            texts = (part["id"] or "", part["name"] or "", part["args"] or "")
            yield Fragment(part["index"], *texts, extra or {})


class OpenCall:
    """A call that is still arriving. Its name is None until one arrives."""

    def __init__(self, call_id: str, server_id: str, index: int | None) -> None:
        self.call_id = call_id
        self.name: str | None = None
        self.fragments: list[str] = []
        self.characters = SurrogateJoiner()
        self.reader = AnswerReader(field=None)
        self.answers = False
        self.fields: dict[str, Any] = {}
        self._server_id = server_id
        self._index = index
        self._named_again = False

    def is_elsewhere(self, index: int | None) -> bool:
        """Whether the server gives this call another index: two calls may share an ID."""
        return index is not None and self._index is not None and index != self._index

    def is_ended_by(self, fragment: Fragment) -> bool:
        """Whether a fragment that looks like part of this call starts another one.

        A name with another ID does. Once the arguments are complete, so do further arguments that
        come with or after a name. A name alone may just be repeated in every fragment, and some
        servers make up a new ID for every fragment.
        """
        other_id = bool(fragment.id and self._server_id and fragment.id != self._server_id)
        if fragment.name and (other_id or fragment.name != self.name is not None):
            return not (fragment.name == self.name and self._continues_in(fragment))
        if not self.reader.closed:
            return False
        self._named_again = self._named_again or bool(fragment.name)
        return self._named_again and bool(fragment.arguments.strip())

    def _continues_in(self, fragment: Fragment) -> bool:
        """Whether a fragment can only be the next part of unfinished arguments."""
        arguments = fragment.arguments.lstrip()
        begun = bool(self.fragments) and not self.reader.closed
        return begun and bool(arguments) and not arguments.startswith("{")

    def find_rest(self, arguments: str) -> str:
        """Return what the whole arguments add to the fragments so far.

        Nothing if these are complete, or begin otherwise: they have been shown.
        """
        begun = "".join(self.fragments)
        continues = not self.reader.closed and arguments.startswith(begun)
        return arguments[len(begun) :] if continues else ""

    def to_call(self) -> Call:
        arguments = "".join(self.fragments)
        name, closed = self.name or "", self.reader.closed
        return Call(self.call_id, name, arguments, closed, self.answers, self.fields)
