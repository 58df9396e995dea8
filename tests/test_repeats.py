"""Failed calls that repeat each other are shown once, with a count."""

from __future__ import annotations

from io import StringIO

import pytest

from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    Event,
    TextDelta,
    TimedEvent,
    ToolCallStarted,
    ToolFinished,
    TurnDone,
    TurnFailed,
)
from streamchat.turn import Answer, Prose, ToolCall, accumulate, fold
from streamchat.view.plain import PlainView
from streamchat.view.repeats import Repeats, count_earlier, group_repeats
from tests.test_live import draw_turn


def call(id: str, arguments: str = "{", output: str = "no", *, failed: bool = True) -> list[Event]:
    """Return the events of a call of add."""
    return [
        ToolCallStarted(id, "add"),
        ArgumentsDelta(id, arguments),
        ToolFinished(id, output, failed),
    ]


def grouped(*events: Event) -> list[object]:
    """Return each block that is shown: the ID of a call, the repeats, or the kind of a text."""
    found: list[object] = []
    for block in group_repeats(fold(events).blocks):
        match block:
            case ToolCall(call_id):
                found.append(call_id)
            case Repeats(call_id, count, complete):
                found.append((call_id, count, complete))
            case _:
                found.append(type(block))
    return found


def test_identical_failures_are_shown_once_with_a_count() -> None:
    three = [*call("a"), *call("b"), *call("c")]
    assert grouped(*three) == ["a", ("a", 2, False)]
    assert grouped(*three, TextDelta("Hm")) == ["a", ("a", 2, True), Prose]
    other = call("d", '{"x"')
    assert grouped(*three, *other) == ["a", ("a", 2, True), "d"]
    assert grouped(*three, *other, *call("e")) == ["a", ("a", 2, True), "d", "e"]


def test_a_call_that_has_not_ended_may_repeat_the_last_one() -> None:
    assert grouped(*call("a"), *call("b"), ToolCallStarted("c", "add")) == [
        *("a", ("a", 1, False), "c")
    ]


@pytest.mark.parametrize("second", [call("b", output="never"), call("b", failed=False)])
def test_other_calls_are_shown(second: list[Event]) -> None:
    assert grouped(*call("a"), *second) == ["a", "b"]
    assert grouped(*call("a", failed=False), *call("b", failed=False)) == ["a", "b"]


def test_text_between_failures_separates_them() -> None:
    assert grouped(*call("a"), TextDelta("Hm"), *call("b")) == ["a", Prose, "b"]


def test_refused_answers_do_not_separate_failures() -> None:
    def refused(id: str) -> list[Event]:
        return [
            ToolCallStarted(id, "final_answer"),
            AnswerDelta("yes", id),
            ToolFinished(id, "no", failed=True),
        ]

    assert grouped(*refused("a"), *refused("b"), *refused("c")) == [
        *(Answer, "a", Answer, Answer, ("a", 2, False))
    ]


def test_failures_are_counted_back_to_a_different_call() -> None:
    turn = fold([*call("a"), *call("b", '{"x"'), *call("c"), *call("d"), *call("e")])
    assert [count_earlier(turn.blocks, turn.call(id)) for id in "abcde"] == [0, 0, 0, 1, 2]


def test_a_screen_shows_the_first_and_the_number_of_the_others() -> None:
    calls = [event for at in range(37) for event in call(f"c{at}", output="boom")]
    shown = "\n".join(draw_turn([*calls, TurnFailed("no answer after 10 steps")]))
    assert shown.count("boom") == 1
    assert shown.count("(the same call failed 36 more times)") == 1


def test_plain_output_counts_repeats() -> None:
    out = StringIO()
    view = PlainView(out)
    events = [*call("a"), *call("b"), *call("c"), TurnDone("Well.")]
    for turn, event in accumulate(map(TimedEvent, events)):
        view.show(turn, event)
    lines = out.getvalue().splitlines()
    assert lines[:6] == [
        *("Calling add...", "add failed: no"),
        *("Calling add...", "add failed in the same way (2 times now)."),
        *("Calling add...", "add failed in the same way (3 times now)."),
    ]
