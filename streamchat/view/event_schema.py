"""The events of `--json` as a JSON Schema, made from their classes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from streamchat.events import VERSION, ChunkReceived, Event, get_type_name

_PLAIN: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    Mapping: "object",
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": NoneType,
    "object": dict,
    "array": list,
}
_BESIDE: dict[str, dict[str, Any]] = {
    "version": {"const": VERSION, "description": "The format's; in the first event of an output."},
    "at": {
        "type": "integer",
        "minimum": 0,
        "description": "Milliseconds since the turn's start, if they are known.",
    },
}
_ACTION = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "arguments": {"type": "object"},
        "description": {"type": "string"},
        "decisions": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "arguments", "description", "decisions"],
}


@cache
def build_schema() -> dict[str, Any]:
    """Return the schema of a line of `--json`."""
    kinds = [each for each in get_args(Event) if each is not ChunkReceived]
    definitions = {get_type_name(each): _describe_event(each) for each in kinds}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"An event of streamchat, version {VERSION}",
        "description": "A line of streamchat ask --json. The last event of a turn is always a "
        "turn_done, turn_failed or turn_cancelled.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
        "$defs": definitions,
    }


def _describe_event(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    types = {name: _describe_type(hints[name]) for name in names}
    if "actions" in types:
        types["actions"]["items"] = _ACTION
    return {
        "description": inspect.getdoc(cls),
        "type": "object",
        "properties": {"type": {"const": get_type_name(cls)}, **types, **_BESIDE},
        "required": ["type", *names],
        "additionalProperties": False,
    }


def _describe_type(hint: Any) -> dict[str, Any]:
    if get_origin(hint) in (Union, UnionType):
        return {"type": [_describe_type(each)["type"] for each in get_args(hint)]}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _describe_type(get_args(hint)[0])}
    origin = get_origin(hint)
    return {"type": _PLAIN[Mapping if origin is Mapping else hint]}


def find_fault(plain: Mapping[str, Any]) -> str:
    """Return what is wrong with the fields that an event has; empty if nothing is.

    Fields that it lacks may have a default.
    """
    kind = plain.get("type")
    definition = build_schema()["$defs"].get(kind if isinstance(kind, str) else "")
    if definition is None:
        return f"unknown event type {kind!r}"
    known = definition["properties"]
    for name, value in plain.items():
        if name not in known:
            return f"{kind} has no field {name!r}"
        if not _fits(value, known[name]):
            return f"{name!r} of {kind} has a wrong value"
    return ""


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is valid; knows only what `build_schema` uses."""
    if "const" in schema:
        return bool(value == schema["const"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(_is_of_type(value, each) for each in types):
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        has_all = all(name in value for name in schema.get("required", ()))
        return has_all and all(_fits(value[name], each) for name, each in known.items())
    if isinstance(value, list):
        return all(_fits(each, schema["items"]) for each in value)
    return "minimum" not in schema or value >= schema["minimum"]


def _is_of_type(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name]) and (not isinstance(value, float) or isfinite(value))
