"""Reads events from lines of JSON, as `--json` writes them."""

from __future__ import annotations

from streamchat.events import VERSION, TimedEvent, from_dict
from streamchat.text.strict_json import load_json
from streamchat.view.event_schema import find_fault


class EventsError(Exception):
    """A line is no event, or not one that can follow; the message says why."""


def parse_line(line: bytes) -> TimedEvent:
    """Return the event in a line.

    Raises:
        EventsError: there is none that this version knows.
    """
    try:
        plain = load_json(line)
    except ValueError:
        raise EventsError("not JSON") from None
    if not isinstance(plain, dict):
        raise EventsError("not a JSON object")
    if (version := plain.get("version", VERSION)) != VERSION:
        raise EventsError(f"events of version {version!r}; this streamchat reads {VERSION}")
    if fault := find_fault(plain):
        raise EventsError(fault)
    try:
        return TimedEvent(from_dict(plain), plain.get("at"))
    except ValueError as error:
        raise EventsError(str(error)) from None
