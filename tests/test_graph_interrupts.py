"""Interrupts as requests, and what users type as answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langgraph.types import Interrupt

from streamchat.agent.target.interrupts import (
    describe_answer,
    find_unrun,
    read_answer,
    read_request,
    to_resume_value,
)
from streamchat.events import InputRequested

ALL = ("approve", "edit", "reject", "respond")
FREE = InputRequested("1", "Which city?")


def action(name: str = "multiply", decisions: tuple[str, ...] = ALL) -> dict[str, Any]:
    return {"name": name, "arguments": {"x": 3}, "description": "", "decisions": decisions}


def about(*actions: dict[str, Any]) -> InputRequested:
    return InputRequested("1", "approval required", actions)


@pytest.mark.parametrize(
    ("typed", "decision"),
    [
        ("a", {"type": "approve"}),
        ("Approve", {"type": "approve"}),
        (" yes ", {"type": "approve"}),
        ("n", {"type": "reject"}),
        ("reject: too big", {"type": "reject", "message": "too big"}),
        ("reject too big", {"type": "reject", "message": "too big"}),
        ("respond: it is\n12", {"type": "respond", "message": "it is\n12"}),
        ("rej", {"type": "reject"}),
        ('e {"x": 5}', {"type": "edit", "edited_action": {"name": "multiply", "args": {"x": 5}}}),
        (
            'edit {"name": "add", "args": {"x": 5}}',
            {"type": "edit", "edited_action": {"name": "add", "args": {"x": 5}}},
        ),
        ('{"type": "approve"}', {"type": "approve"}),
        ('[{"type": "approve"}]', {"type": "approve"}),
        ('{"decisions": [{"type": "reject"}]}', {"type": "reject"}),
    ],
)
def test_a_decision_is_a_word_or_json(typed: str, decision: object) -> None:
    assert read_answer(about(action()), typed) == [decision]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("", "type approve, edit {JSON}, reject: WHY or respond: TEXT"),
        ("maybe", "type approve, edit {JSON}, reject: WHY or respond: TEXT"),
        ("approve or not", "type approve, edit {JSON}, reject: WHY or respond: TEXT"),
        ("r", "r could be reject or respond: type rej or res"),
        ("respond", "respond with what? type: respond: TEXT"),
        ("edit", 'edit takes the new arguments as a JSON object: edit {"x": 3}'),
        ('edit {"x":', 'edit takes the new arguments as a JSON object: edit {"x": 3}'),
        ('{"type":', "the decisions are not valid JSON: "),
        ('[{"type": "approve"}, {"type": "approve"}]', "give 1 decisions, one for each call"),
        ('[{"type": "maybe"}]', "multiply: type approve, edit {JSON}, "),
        ("[1]", "multiply: type approve, edit {JSON}, "),
        ("[" * 100_000, "the decisions are not valid JSON: "),
        ("edit " + "[" * 100_000, "edit takes the new arguments as a JSON object: "),
    ],
)
def test_what_is_no_decision_gets_a_hint(typed: str, hint: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_answer(about(action()), typed)
    assert str(caught.value).startswith(hint)
    assert "\n" not in str(caught.value)


def test_only_allowed_decisions_are_taken() -> None:
    requested = about(action(decisions=("approve", "reject")))
    with pytest.raises(ValueError, match=r"^type approve or reject: WHY$"):
        read_answer(requested, "edit {}")
    assert read_answer(requested, "r") == [{"type": "reject"}]
    with pytest.raises(ValueError, match=r"^type approve$"):
        read_answer(about(action(decisions=("approve",))), "no")


def test_one_decision_is_for_all_calls_and_lines_are_for_one_each() -> None:
    two = about(action("add"), action("divide"))
    assert read_answer(two, "a") == [{"type": "approve"}, {"type": "approve"}]
    assert read_answer(two, 'edit {"x": 1}\nreject: why') == [
        {"type": "edit", "edited_action": {"name": "add", "args": {"x": 1}}},
        {"type": "reject", "message": "why"},
    ]
    with pytest.raises(ValueError, match="give a line for each call"):
        read_answer(two, 'edit {"x": 1}')


def test_a_free_answer_is_json_or_text() -> None:
    assert read_answer(FREE, "Paris") == "Paris"
    assert read_answer(FREE, '{"city": "Paris"}') == {"city": "Paris"}
    assert read_answer(FREE, "true") is True
    assert read_answer(FREE, "{city") == "{city"
    deep = "[" * 100_000 + "]" * 100_000
    assert read_answer(FREE, deep) == deep


def test_any_value_can_be_asked() -> None:
    assert read_request(Interrupt("Sure?", "i"), "i") == InputRequested("i", "Sure?")
    asked = read_request(Interrupt({"a": {1, 2}}, "i"), "i")
    assert json.loads(asked.question) == {"a": "{1, 2}"}
    endless: dict[str, Any] = {}
    endless["again"] = endless
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (endless, deep, {(1, 2): "a pair"}):
        json.loads(read_request(Interrupt(value, "i"), "i").question)
    assert to_resume_value(Interrupt("Sure?", "i"), ["yes"]) == ["yes"]


def test_a_call_to_approve_is_an_action() -> None:
    value = {
        "type": "tool_approval",
        "tool_call_id": "c",
        "name": "add",
        "args": {"x": 1},
        "description": "Tool execution requires approval\n\nTool: add\nArgs: {'x': 1}",
    }
    schema = {"oneOf": [{"properties": {"type": {"const": "reject"}}}]}
    interrupt = Interrupt(value, "i", response_schema=schema)
    assert read_request(interrupt, "i").actions == (
        {
            "name": "add",
            "arguments": {"x": 1},
            "description": "Tool execution requires approval",
            "decisions": ("reject",),
        },
    )
    assert to_resume_value(interrupt, [{"type": "reject"}]) == {"type": "reject"}


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"type": "approve"}, "approved"),
        ({"type": "reject"}, "rejected"),
        ({"type": "reject", "message": "no"}, "rejected: no"),
        ({"type": "respond", "message": "12"}, "responded: 12"),
        (
            {"type": "edit", "edited_action": {"name": "add", "args": {"x": 1, "y": "a"}}},
            'edited: add(x=1, y="a")',
        ),
        ({"type": "other"}, '{"type": "other"}'),
    ],
)
def test_an_answer_is_told_in_a_few_words(decision: dict[str, Any], words: str) -> None:
    assert describe_answer(about(action()), [decision]) == words


def test_a_free_answer_is_told_as_it_is() -> None:
    assert describe_answer(FREE, "Paris\nor so") == "Paris or so"
    assert describe_answer(FREE, {"a": 1}) == '{"a": 1}'


def test_calls_that_the_user_answers_do_not_run() -> None:
    requested = about(action("add"), action("divide"), action("multiply"))
    answer = [{"type": "respond", "message": "1"}, {"type": "approve"}, {"type": "reject"}]
    assert [name for name, _ in find_unrun(requested, answer)] == ["add", "multiply"]
    assert find_unrun(FREE, "x") == []
