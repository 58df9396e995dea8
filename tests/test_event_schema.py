"""The JSON Schema of the events, and the reading of lines by it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from streamchat.events import (
    ApprovalGiven,
    ApprovalRequested,
    ChunkReceived,
    Event,
    Notice,
    PromptProgress,
    ReasoningDelta,
    TimedEvent,
    ToolCallStarted,
    TurnCancelled,
    TurnFailed,
    get_type_name,
    to_dict,
)
from streamchat.view.event_lines import EventsError, parse_line
from streamchat.view.event_schema import build_schema, find_fault
from streamchat.view.jsonl import JsonView
from streamchat.view.play import show_all
from tests.event_schema import KINDS, WHOLE, check_lines
from tests.program import run
from tests.turns import ASKING, DELEGATING, GRAPH, NOTEBOOK, PRINTING, play_line

OTHERS: list[Event] = [
    ToolCallStarted("c", "delete"),
    ApprovalRequested("c", "delete", {"path": "x"}),
    ApprovalGiven("c", True, "user", "fine", {"path": "y"}, "2026-01-02T03:04:05+00:00"),
    PromptProgress(3, 9),
    ReasoningDelta("hm"),
    Notice("retrying", 0.5),
    TurnFailed("no"),
    TurnCancelled(1),
]
TURNS = [ASKING, DELEGATING, GRAPH, NOTEBOOK, PRINTING, play_line(), OTHERS]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def write(events: list[Event]) -> str:
    out = StringIO()
    show_all([TimedEvent(each, 40 * at) for at, each in enumerate(events)], JsonView(out))
    return out.getvalue()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(build_schema())


def test_it_describes_every_event_that_is_written() -> None:
    written = {get_type_name(each) for each in get_args(Event) if each is not ChunkReceived}
    assert set(KINDS) == written
    assert all(each["description"] for each in build_schema()["$defs"].values())


@pytest.mark.parametrize("events", TURNS)
def test_turns_are_valid(events: list[Event]) -> None:
    for event in check_lines(write(events)):
        WHOLE.validate(event)


@pytest.mark.parametrize("events", TURNS)
def test_events_are_read_as_they_were_written(events: list[Event]) -> None:
    read = [parse_line(line.encode()) for line in write(events).splitlines()]
    assert read == [TimedEvent(each, 40 * at) for at, each in enumerate(events)]


def test_the_program_writes_it(tmp_path: Path) -> None:
    done = run(tmp_path, "schema", "events")
    assert json.loads(done.stdout) == build_schema()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"type": "notice", "text": "x", "seconds": NaN}', "not JSON"),
        ("1" * 5000, "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "unknown event type None"),
        ('{"type": "turn_finished"}', "unknown event type 'turn_finished'"),
        ('{"type": ["notice"]}', "unknown event type ['notice']"),
        ('{"type": "chunk_received", "content": ""}', "unknown event type 'chunk_received'"),
        ('{"version": 2, "type": "notice"}', "events of version 2; this streamchat reads 1"),
        ('{"type": "text_delta", "text": 3}', "'text' of text_delta has a wrong value"),
        ('{"type": "text_delta", "text": "x", "at": -1}', "'at' of text_delta has a wrong value"),
        ('{"type": "text_delta", "text": "x", "at": true}', "'at' of text_delta has a wrong value"),
        ('{"type": "text_delta", "texts": "x"}', "text_delta has no field 'texts'"),
        ('{"type": "text_delta"}', "wrong fields for text_delta: "),
        ('{"type": "turn_cancelled", "seconds": 1e999}', "not JSON"),
        (
            f'{{"type": "turn_cancelled", "seconds": 1{"0" * 400}}}',
            "'seconds' of turn_cancelled has a wrong value",
        ),
        (
            f'{{"type": "text_delta", "text": "x", "at": 1{"0" * 400}}}',
            "'at' of text_delta has a wrong value",
        ),
        (
            '{"type": "input_requested", "request_id": "a", "question": "", "actions": [{}]}',
            "'actions' of input_requested has a wrong value",
        ),
    ],
)
def test_what_is_no_event(line: str, fault: str) -> None:
    with pytest.raises(EventsError) as caught:
        parse_line(line.encode())
    assert str(caught.value).startswith(fault)


@given(st.sampled_from([each for turn in TURNS for each in turn]), st.text(), VALUES)
def test_a_fault_is_found_where_the_schema_finds_one(event: Event, name: str, value: Any) -> None:
    plain = json.loads(json.dumps(to_dict(event)))
    changed = {**plain, st_choose(plain, name): value}
    # JSON knows no infinity, and JSON Schema takes 1.0 for an integer.
    kind = changed.get("type")
    validator = KINDS.get(kind) if isinstance(kind, str) else None
    if validator and not is_odd(value):
        assert bool(find_fault(changed)) == (not validator.is_valid(changed))


def st_choose(plain: dict[str, Any], name: str) -> str:
    """Return one of the fields, chosen by a text."""
    names = [*plain, "at", "version", name]
    return names[len(name) % len(names)]


def is_odd(value: Any) -> bool:
    """Whether a value, or one in it, is a float that is not plainly one."""
    if isinstance(value, float):
        return value.is_integer() or value != value or value in (float("inf"), -float("inf"))
    if isinstance(value, bool):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return isinstance(value, list | dict) and any(map(is_odd, inner))
