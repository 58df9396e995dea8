"""Holds what `--json` writes against the JSON Schema of the events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from streamchat.view.event_lines import parse_line
from streamchat.view.event_schema import build_schema

WHOLE = Draft202012Validator(build_schema())
KINDS = {name: WHOLE.evolve(schema=each) for name, each in build_schema()["$defs"].items()}
"""Validators of the kinds of events: trying all of them for each event would take long."""


def check_lines(text: str) -> list[dict[str, Any]]:
    """Return the events that were written, one a line, after holding each against the schema."""
    events: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for event in events:
        check_event(event)
    for line in text.splitlines():
        parse_line(line.encode())
    return events


def check_event(event: Mapping[str, Any]) -> None:
    KINDS[event["type"]].validate(event)
