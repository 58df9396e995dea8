"""How the messages of a request are written, and what is changed for a server that refuses them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage

from streamchat.models.wire.extras import CALL_FIELDS, MESSAGE_FIELDS, find_call_extras
from streamchat.text.surrogates import replace_surrogates

Message: TypeAlias = dict[str, Any]

_NO_NULL = re.compile(r"\b(null|none|nonetype|string|str|required|missing|empty|blank)\b")
_NO_SYSTEM = re.compile(
    r"\b(system|developer)\b.{0,40}\b(role|message|prompt|instruction)s?\b"
    r".{0,60}\b(not|isn't|aren't|un\w+|invalid)\b"
    r"|\broles?\b.{0,40}\b(system|developer)\b.{0,60}\b(not|isn't|un\w+|invalid)\b"
    r"|\bonly user\b.{0,20}\b(assistant|model)\b.{0,20}\broles?\b"
    r"|^(?!.*optional system).*\broles must alternate\b",
    re.DOTALL,
)
_UNKNOWN_FIELD = re.compile(
    r"\b(extra|additional|unknown|unrecognized|unexpected|unsupported)\b.{0,30}"
    r"\b(input|field|propert|parameter|argument|key|request)"
)


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """The form of messages that a server takes, as far as is known.

    Attributes:
        without: extra fields of messages and calls that are left out.
        null_content: whether a message that only makes calls has null as its content, as in the
            API, rather than an empty string.
        system_role: whether there is a system message, rather than instructions at the head of the
            first question.
    """

    without: frozenset[str] = frozenset()
    null_content: bool = True
    system_role: bool = True

    def apply(self, messages: Sequence[Message]) -> list[Message]:
        """Return the messages in this form."""
        written = [self._write(message) for message in messages]
        return written if self.system_role else _move_instructions(written)

    def adapt(
        self, complaint: str, messages: Sequence[Message]
    ) -> tuple[RequestFormat, str] | None:
        """Return the form without what the complaint is about, and the change in a few words.

        Args:
            complaint: the server's words, in lower case.
            messages: as they were sent.

        Returns:
            None if the complaint is about something else.
        """
        sent = {name for message in messages for name in find_extra_names(message)}
        named = {name for name in sent if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", complaint)}
        if refused := named or (sent if _UNKNOWN_FIELD.search(complaint) else set()):
            without = self.without | refused
            return replace(self, without=without), f"without {', '.join(sorted(refused))}"
        is_null = any("content" in each and each["content"] is None for each in messages)
        if is_null and re.search(r"\bcontent\b", complaint) and _NO_NULL.search(complaint):
            return replace(self, null_content=False), "with empty content"
        has_system = any(each.get("role") in ("system", "developer") for each in messages)
        if has_system and _NO_SYSTEM.search(complaint):
            return replace(self, system_role=False), "with the instructions in the first question"
        return None

    def _write(self, message: Message) -> Message:
        kept = _omit(message, self.without)
        if calls := kept.get("tool_calls"):
            kept["tool_calls"] = [self._write_call(call) for call in calls]
            if kept.get("content") is None and not self.null_content:
                kept["content"] = ""
        return kept

    def _write_call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        return _omit(call, self.without) | {"function": _omit(call["function"], self.without)}


def attach_fields(written: Sequence[Message], messages: Sequence[BaseMessage]) -> list[Message]:
    """Return the messages of a request with the extra fields that the server sent.

    Args:
        written: as LangChain writes them, without these fields.
        messages: what they were written from.
    """
    return [
        add_fields(each, message.additional_kwargs) if isinstance(message, AIMessage) else each
        for each, message in zip(written, messages, strict=True)
    ]


def add_fields(written: Message, fields: Mapping[str, Any]) -> Message:
    """Return a message with its extra fields; those of its calls are in `CALL_FIELDS`."""
    if not fields:
        return written
    kept = json.loads(replace_surrogates(json.dumps(fields, ensure_ascii=False)))
    by_call = kept.pop(CALL_FIELDS, {})
    calls = [_add_to_call(call, by_call) for call in written.get("tool_calls", [])]
    return _omit(kept, MESSAGE_FIELDS) | written | ({"tool_calls": calls} if calls else {})


def _add_to_call(call: Mapping[str, Any], by_call: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(by_call.get(call["id"], {}))
    function = fields.pop("function", {})
    return fields | {**call, "function": function | call["function"]}


def find_extra_names(message: Message) -> Iterator[str]:
    """Yield the names of the extra fields of a message and its calls."""
    if message.get("role") != "assistant":
        return
    yield from message.keys() - MESSAGE_FIELDS
    for call in message.get("tool_calls") or []:
        fields = find_call_extras(call)
        yield from fields.pop("function", {})
        yield from fields


def _omit(values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _move_instructions(messages: Sequence[Message]) -> list[Message]:
    """Put the system messages at the head of the first question."""
    is_system = [each.get("role") in ("system", "developer") for each in messages]
    texts = [str(each["content"]) for each, is_it in zip(messages, is_system, strict=True) if is_it]
    rest = [dict(each) for each, is_it in zip(messages, is_system, strict=True) if not is_it]
    first = next((each for each in rest if each.get("role") == "user"), None)
    if first and texts:
        first["content"] = "\n\n".join([*texts, str(first["content"])])
    return rest
