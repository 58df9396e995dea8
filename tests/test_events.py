"""Events, and the dicts they are stored as."""

from __future__ import annotations

import json

import pytest

from streamchat.events import (
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    Notice,
    PromptProgress,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
    add_version,
    from_dict,
    get_type_name,
    to_dict,
)

ONE_OF_EACH: list[Event] = [
    TurnStarted("What is 10 + 10", "gpt-4o-mini"),
    StepStarted(1),
    PromptProgress(512, 1100),
    ChunkReceived("text", ({"name": "add", "args": "", "id": "a", "index": 0},)),
    TextDelta("Let me"),
    CodeDelta("2 + 3"),
    AnswerDelta("20", "b"),
    ToolCallStarted("a", "add"),
    ArgumentsDelta("a", '{"x'),
    ApprovalRequested("a", "add", {"x": 10}),
    ApprovalGiven("a", True, "user", "", {"x": 11}, "2026-05-01T10:00:00+00:00"),
    ApprovalGiven("a", False, "rule", '"files.*" = "deny"'),
    ToolStarted("a", {"x": 10, "y": 10.5}),
    ToolFinished("a", "20.5", failed=False, seconds=0.25),
    StepFinished(1, "stop", 1.5, 0.5, 100, 20),
    Notice("retrying in 1 s", 1.0),
    TurnDone("20", ("add",), 2.0),
    TurnFailed("no answer", 2.0),
    TurnCancelled(2.0),
]


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_an_event_survives_json(event: Event) -> None:
    assert from_dict(json.loads(json.dumps(to_dict(event)))) == event


def test_a_dict_names_the_type_in_snake_case() -> None:
    assert to_dict(ToolCallStarted("a", "add")) == {
        "type": "tool_call_started",
        "call_id": "a",
        "name": "add",
    }


def test_a_piece_of_code_is_a_code_delta() -> None:
    assert to_dict(CodeDelta("2 +")) == {"type": "code_delta", "text": "2 +"}


def test_a_version_beside_the_event_is_ignored() -> None:
    assert from_dict({"version": 1, "type": "step_started", "step": 2}) == StepStarted(2)


@pytest.mark.parametrize(
    "plain",
    [{}, {"type": "nothing"}, {"type": "step_started"}, {"type": "step_started", "foot": 1}],
)
def test_anything_else_is_a_value_error(plain: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"type|fields"):
        from_dict(plain)


def test_a_chunk_has_debug_lines() -> None:
    part = {"name": "add", "args": '{"', "id": "a", "index": 0}
    assert ChunkReceived("hello", (part,)).lines() == [
        "content: hello",
        f"tool_calls: [{part}]",
        "tool_name: add",
        'arg: {"',
    ]


def test_an_empty_chunk_has_no_lines() -> None:
    nameless = {"name": None, "args": "", "id": None, "index": 0}
    assert ChunkReceived("").lines() == []
    assert ChunkReceived("", (nameless,)).lines() == [f"tool_calls: [{nameless}]"]


def test_a_version_comes_first_and_is_skipped_on_reading() -> None:
    event = TurnStarted("hi", "m")
    plain = add_version(to_dict(event))
    assert next(iter(plain.items())) == ("version", 1)
    assert from_dict(plain) == event


def test_the_time_of_an_event_comes_last() -> None:
    plain = to_dict(TextDelta("Let me"), 40)
    assert list(plain.items()) == [("type", "text_delta"), ("text", "Let me"), ("at", 40)]
    assert from_dict(plain) == TextDelta("Let me")


def test_the_name_of_a_type() -> None:
    assert get_type_name(ToolCallStarted) == "tool_call_started"
