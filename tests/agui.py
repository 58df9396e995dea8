"""Runs as an AG-UI client sees them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ag_ui.core import Event
from pydantic import TypeAdapter

from streamchat.events import Event as TurnEvent
from streamchat.serve.agui.encoder import Encoder

_EVENT: TypeAdapter[Any] = TypeAdapter(Event)
_OPENS = {
    "TEXT_MESSAGE_START": ("text", "messageId"),
    "REASONING_START": ("reasoning", "messageId"),
    "REASONING_MESSAGE_START": ("thought", "messageId"),
    "TOOL_CALL_START": ("call", "toolCallId"),
    "STEP_STARTED": ("step", "stepName"),
}
_GOES_ON = {
    "TEXT_MESSAGE_CONTENT": ("text", "messageId"),
    "REASONING_MESSAGE_CONTENT": ("thought", "messageId"),
    "TOOL_CALL_ARGS": ("call", "toolCallId"),
}
_CLOSES = {
    "TEXT_MESSAGE_END": ("text", "messageId"),
    "REASONING_END": ("reasoning", "messageId"),
    "REASONING_MESSAGE_END": ("thought", "messageId"),
    "TOOL_CALL_END": ("call", "toolCallId"),
    "STEP_FINISHED": ("step", "stepName"),
}


def encode(events: Iterable[TurnEvent], **options: Any) -> list[dict[str, Any]]:
    """Return a turn's events as a client reads them; they keep the protocol's rules."""
    encoder = Encoder("thread", "run", "m", **options)
    encoded = [each for event in events for each in encoder.encode(event)]
    return check(json.loads(each) for each in encoded)


def check(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of a run that has ended, after the checks that `@ag-ui/client` makes."""
    seen, open_ones = list(events), set[tuple[str, str]]()
    for event in seen:
        model = _EVENT.validate_python(event)
        assert not model.model_extra, event
        kind = event["type"]
        if kind in _OPENS:
            group, key = _OPENS[kind]
            assert (group, event[key]) not in open_ones, event
            open_ones.add((group, event[key]))
        if kind in _GOES_ON or kind in _CLOSES:
            group, key = (_GOES_ON | _CLOSES)[kind]
            assert (group, event[key]) in open_ones, event
        if kind in _CLOSES:
            open_ones.remove((group, event[key]))
    kinds = [event["type"] for event in seen]
    assert kinds[0] == "RUN_STARTED"
    assert [each for each in kinds if each in ("RUN_FINISHED", "RUN_ERROR")] == kinds[-1:]
    assert not open_ones
    return seen


def pick(events: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in events if each["type"] == kind]


def fragments(events: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the fragments of the arguments of each call, by its ID."""
    found: dict[str, list[str]] = {}
    for each in pick(events, "TOOL_CALL_ARGS"):
        found.setdefault(each["toolCallId"], []).append(each["delta"])
    return found


def texts(events: Iterable[dict[str, Any]]) -> list[str]:
    """Return the text messages, in the order in which they began."""
    found: dict[str, str] = {}
    for each in pick(events, "TEXT_MESSAGE_CONTENT"):
        found[each["messageId"]] = found.get(each["messageId"], "") + each["delta"]
    return list(found.values())


def custom(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the values of the CUSTOM events, by name."""
    return {each["name"]: each["value"] for each in pick(events, "CUSTOM")}
