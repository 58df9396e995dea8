"""Who speaks in a graph, and what happens when several speak at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.agent.target.speakers import Floor, Speaker, find_speaker
from streamchat.events import (
    ArgumentsDelta,
    Event,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
)

A, B = Speaker("a"), Speaker("b", 1, ("sub:1",))


def call(id: str, *fragments: str) -> list[Event]:
    return [ToolCallStarted(id, "add"), *(ArgumentsDelta(id, each) for each in fragments)]


def two(**options: Any) -> Floor:
    floor = Floor(**options)
    floor.open("a", A)
    floor.open("b", B)
    return floor


def test_a_single_speaker_is_not_announced() -> None:
    floor = two()
    assert floor.feed("a", [TextDelta("x")]) == [TextDelta("x")]
    assert floor.close("a") == []
    floor.open("c", A)
    assert floor.feed("c", [TextDelta("y")]) == [TextDelta("y")]


def test_the_second_speaker_is_announced_and_so_is_the_return_of_the_first() -> None:
    floor = two()
    assert floor.feed("a", [TextDelta("x")]) == [TextDelta("x")]
    floor.close("a")
    assert floor.feed("b", [TextDelta("y")]) == [SpeakerChanged("b", 1), TextDelta("y")]
    floor.close("b")
    floor.open("c", A)
    assert floor.feed("c", [TextDelta("z")]) == [SpeakerChanged("a"), TextDelta("z")]


def test_a_graph_with_several_speakers_announces_the_first() -> None:
    floor = two(announces=True)
    assert floor.feed("a", [StepStarted(1)]) == [StepStarted(1)]
    assert floor.feed("a", [TextDelta("x")]) == [SpeakerChanged("a"), TextDelta("x")]


def test_text_waits_until_the_first_message_is_complete() -> None:
    floor = two()
    assert floor.feed("a", [TextDelta("x")]) == [TextDelta("x")]
    assert floor.feed("b", [StepStarted(2), TextDelta("y")]) == []
    assert floor.feed("a", [TextDelta("x")]) == [TextDelta("x")]
    assert floor.close("a") == [StepStarted(2), SpeakerChanged("b", 1), TextDelta("y")]
    assert floor.feed("b", [TextDelta("y")]) == [TextDelta("y")]


def test_a_message_that_ended_while_it_waited_does_not_keep_the_floor() -> None:
    floor = two()
    floor.feed("a", [TextDelta("x")])
    floor.feed("b", [TextDelta("y"), StepFinished(2)])
    assert floor.close("b") == []
    assert floor.close("a") == [SpeakerChanged("b", 1), TextDelta("y"), StepFinished(2)]
    assert floor.is_free


def test_calls_of_both_arrive_side_by_side() -> None:
    floor = two()
    floor.feed("a", call("1", "{"))
    assert floor.feed("b", call("2", "{")) == [SpeakerChanged("b", 1), *call("2", "{")]
    assert floor.feed("a", [ArgumentsDelta("1", "}")]) == [ArgumentsDelta("1", "}")]
    assert floor.feed("b", [TextDelta("y")]) == []
    assert floor.feed("b", [ArgumentsDelta("2", "}")]) == [ArgumentsDelta("2", "}")]
    assert floor.close("a") == [TextDelta("y")]


def test_a_call_waits_while_another_message_is_writing_text() -> None:
    floor = two()
    floor.feed("a", [TextDelta("x")])
    assert floor.feed("b", call("2", "{")) == []
    done = [ToolStarted("2", {}), ToolFinished("2", "3")]
    assert floor.feed_call("2", done) == []
    assert floor.close("a") == [SpeakerChanged("b", 1), *call("2", "{"), *done]
    assert floor.feed_call("2", done) == done


def test_nothing_is_lost_when_the_turn_ends_in_the_middle() -> None:
    floor = two()
    floor.feed("a", [TextDelta("x")])
    floor.feed("b", [TextDelta("y")])
    assert TextDelta("y") in floor.close_all()


@st.composite
def interleavings(draw: st.DrawFn) -> list[tuple[int, Event | None]]:
    """Messages of several speakers, shuffled; None closes a message."""
    messages: list[list[Event | None]] = []
    for number in range(draw(st.integers(1, 4))):
        events: list[Event | None] = [StepStarted(number)]
        for piece in range(draw(st.integers(0, 4))):
            if draw(st.booleans()):
                events.append(TextDelta(f"{number}.{piece} "))
            else:
                events += call(f"{number}.{piece}", "{", "}")
        messages.append([*events, *([None] if draw(st.booleans()) else [])])
    steps = [number for number, events in enumerate(messages) for _ in events]
    return [(number, messages[number].pop(0)) for number in draw(st.permutations(steps))]


@given(interleavings())
def test_any_interleaving_keeps_every_message_in_order(
    steps: list[tuple[int, Event | None]],
) -> None:
    floor, shown = Floor(announces=True), list[Event]()
    for number in {number for number, _ in steps}:
        floor.open(number, Speaker(f"node {number}"))
    for number, event in steps:
        shown += floor.close(number) if event is None else floor.feed(number, [event])
    shown += floor.close_all()

    said = [event for event in shown if not isinstance(event, SpeakerChanged)]
    sent = [event for _, event in steps if event is not None]
    assert sorted(map(repr, said)) == sorted(map(repr, sent))
    for number in {number for number, _ in steps}:
        own = [event for at, event in steps if at == number and event is not None]
        for kind in (TextDelta, ToolCallStarted):
            assert [each for each in said if each in own and isinstance(each, kind)] == [
                each for each in own if isinstance(each, kind)
            ]
        for event in own:
            if isinstance(event, ToolCallStarted):
                of_call = [each for each in said if getattr(each, "call_id", "") == event.call_id]
                assert of_call == call(event.call_id, "{", "}")

    speaker, writing = "", None
    for event in shown:
        if isinstance(event, SpeakerChanged):
            speaker = event.name
        elif isinstance(event, ToolCallStarted):
            assert speaker == f"node {event.call_id[0]}"
        elif isinstance(event, TextDelta):
            number = int(event.text[0])
            assert speaker == f"node {number}"
            # Another message's text follows only once the one before it is complete.
            if writing is not None and writing != number:
                own = [each for at, each in steps if at == writing and isinstance(each, TextDelta)]
                before = shown[: shown.index(event)]
                assert all(each in before for each in own)
            writing = number


@pytest.mark.parametrize(
    ("namespace", "metadata", "speaker"),
    [
        ((), {"langgraph_node": "planner"}, Speaker("planner")),
        ((), {"langgraph_node": "model"}, Speaker("agent")),
        ((), {"langgraph_node": "Guard.before_model"}, Speaker("Guard")),
        ((), {"langgraph_node": "model", "lc_agent_name": "boss"}, Speaker("boss")),
        (("work:1",), {"langgraph_node": "model"}, Speaker("work", 1, ("work:1",))),
        (
            ("work:1",),
            {"langgraph_node": "model", "lc_agent_name": "x"},
            Speaker("x", 1, ("work:1",)),
        ),
        (("a:1", "tools:2"), {"langgraph_node": "agent"}, Speaker("a", 2, ("a:1", "tools:2"))),
        (("tools:2",), {"langgraph_node": "draft"}, Speaker("draft", 1, ("tools:2",))),
    ],
)
def test_inner_nodes_go_by_the_name_of_their_agent(
    namespace: tuple[str, ...], metadata: dict[str, Any], speaker: Speaker
) -> None:
    assert find_speaker(namespace, metadata, "LangGraph") == speaker


def test_an_agent_without_a_name_goes_by_its_graphs() -> None:
    assert find_speaker((), {"langgraph_node": "agent"}, "Helper").name == "Helper"
