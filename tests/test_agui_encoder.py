"""Turns as events of AG-UI."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.events import (
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    OutputReceived,
    PromptProgress,
    ReasoningDelta,
    SpeakerChanged,
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
)
from streamchat.serve.agui.encoder import Encoder
from tests.agents import close_agents, collect_events, open_agent
from tests.agui import check, custom, encode, fragments, pick, texts
from tests.scenarios import (
    CUT_OFF,
    HOSTILE,
    SHAPES_OF_CALLS,
    SHAPES_OF_STREAMS,
)
from tests.server import Server
from tests.turns import APPROVING, ASKING, DELEGATING, GRAPH, NOTEBOOK, PRINTING

START = TurnStarted("What is 10 + 10", "m")


def kinds(events: Sequence[dict[str, Any]]) -> list[str]:
    return [each["type"] for each in events]


def adds(*pieces: str) -> list[Event]:
    return [
        StepStarted(1),
        ToolCallStarted("c1", "add"),
        *(ArgumentsDelta("c1", piece) for piece in pieces),
        StepFinished(1, "tool_calls", input_tokens=10, output_tokens=5),
        ToolStarted("c1", {"x": 10, "y": 10}),
        ToolFinished("c1", "20", seconds=0.25),
    ]


def answers(*pieces: str, step: int = 2) -> list[Event]:
    return [
        StepStarted(step),
        ToolCallStarted("c2", "final_answer"),
        ArgumentsDelta("c2", '{"answer": "'),
        *(
            event
            for piece in pieces
            for event in (ArgumentsDelta("c2", piece), AnswerDelta(piece, "c2"))
        ),
        StepFinished(step, "tool_calls", input_tokens=20, output_tokens=7),
        ToolStarted("c2", {"answer": "".join(pieces)}),
        ToolFinished("c2", ""),
    ]


def test_a_turn_with_a_call_and_an_answer() -> None:
    done = TurnDone("It is 20.", ("add",))
    seen = encode([START, *adds('{"x"', ":10", ',"y":10}'), *answers("It ", "is 20."), done])
    assert kinds(seen) == [
        *("RUN_STARTED", "STEP_STARTED", "TOOL_CALL_START"),
        *("TOOL_CALL_ARGS", "TOOL_CALL_ARGS", "TOOL_CALL_ARGS", "TOOL_CALL_END"),
        *("STEP_FINISHED", "TOOL_CALL_RESULT", "STEP_STARTED"),
        *("TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CONTENT"),
        *("TEXT_MESSAGE_END", "STEP_FINISHED", "RUN_FINISHED"),
    ]
    assert fragments(seen) == {"c1": ['{"x"', ":10", ',"y":10}']}
    assert pick(seen, "TOOL_CALL_RESULT")[0]["content"] == "20"
    assert texts(seen) == ["It is 20."]
    assert seen[0]["protocolVersion"] == "1.0"
    end = seen[-1]
    assert end["outcome"] == {"type": "success"}
    assert end["result"] == {"answer": "It is 20.", "toolsUsed": ["add"]}
    assert end["usage"] == [
        {"model": "m", "inputTokens": 30, "outputTokens": 12, "totalTokens": 42}
    ]


def test_prose_and_calls_of_one_message_are_one_message_of_the_client() -> None:
    seen = encode(
        [
            START,
            StepStarted(1),
            TextDelta("Let me "),
            ToolCallStarted("c1", "add"),
            ArgumentsDelta("c1", "{}"),
            TextDelta("see."),
            StepFinished(1),
            ToolFinished("c1", "20"),
            StepStarted(2),
            TextDelta("It is 20."),
            StepFinished(2),
            TurnDone("It is 20."),
        ]
    )
    assert texts(seen) == ["Let me see.", "It is 20."]
    starts = pick(seen, "TEXT_MESSAGE_START")
    assert pick(seen, "TOOL_CALL_START")[0]["parentMessageId"] == starts[0]["messageId"]
    assert len(starts) == 2


def test_reasoning_is_a_span_with_a_message() -> None:
    thoughts = [StepStarted(1), ReasoningDelta("Hm"), ReasoningDelta("m")]
    seen = encode([START, *thoughts, *answers("20"), TurnDone("20")])
    assert kinds(seen)[2:8] == [
        *("REASONING_START", "REASONING_MESSAGE_START"),
        *("REASONING_MESSAGE_CONTENT", "REASONING_MESSAGE_CONTENT"),
        *("REASONING_MESSAGE_END", "REASONING_END"),
    ]


def test_an_answer_that_did_not_stream_is_a_message_all_the_same() -> None:
    seen = encode([START, StepStarted(1), StepFinished(1), TurnDone("20")])
    assert texts(seen) == ["20"]


def test_a_refused_answer_is_followed_by_the_real_one() -> None:
    refused = ToolFinished("c1", "wrong arguments", failed=True)
    first = [ToolCallStarted("c1", "final_answer"), AnswerDelta("Twen", "c1"), StepFinished(1)]
    seen = encode([START, StepStarted(1), *first, refused, *answers("20"), TurnDone("20")])
    assert texts(seen) == ["Twen", "20"]
    id = pick(seen, "TEXT_MESSAGE_START")[0]["messageId"]
    assert custom(seen) == {
        "streamchat.answer_refused": {"messageId": id, "error": "wrong arguments"}
    }


def test_what_has_no_word_in_the_protocol_is_custom() -> None:
    events: list[Event] = [
        START,
        Notice("retrying", 1.5),
        PromptProgress(1, 2),
        ChunkReceived("raw"),
        CodeDelta("add(1"),
        SpeakerChanged("writer", 1),
        OutputReceived("hello"),
        InputReceived("r", "yes"),
    ]
    seen = encode([*events, TurnDone("")])
    assert custom(seen) == {
        "streamchat.notice": {"text": "retrying", "seconds": 1.5},
        "streamchat.prompt_progress": {"done": 1, "total": 2},
        "streamchat.code": {"delta": "add(1"},
        "streamchat.speaker": {"name": "writer", "depth": 1},
        "streamchat.output": {"text": "hello", "origin": "stdout"},
        "streamchat.input_received": {"interruptId": "r", "answer": "yes"},
    }


def test_a_failure_in_the_middle_leaves_nothing_open() -> None:
    seen = encode([START, *adds('{"x"')[:3], TurnFailed("the server is gone")])
    assert kinds(seen)[-4:] == ["TOOL_CALL_END", "STEP_FINISHED", "TOOL_CALL_RESULT", "RUN_ERROR"]
    assert pick(seen, "TOOL_CALL_END")[0]["metadata"] == {"streamchat": {"incomplete": True}}
    assert pick(seen, "TOOL_CALL_RESULT")[0]["content"] == "not run: the run failed"
    assert seen[-1]["message"] == "the server is gone"


def test_a_cancelled_run_says_so() -> None:
    seen = encode([START, *adds('{"x"')[:-1], TurnCancelled()])
    assert pick(seen, "TOOL_CALL_RESULT")[0]["content"] == "no result: the run was cancelled"
    assert seen[-1]["outcome"] == {"type": "cancelled"}


def test_a_run_that_is_cancelled_at_once_begins_nevertheless() -> None:
    assert [each["type"] for each in encode([TurnCancelled(0.0)])] == [
        "RUN_STARTED",
        "RUN_FINISHED",
    ]


def test_an_error_before_the_first_event_still_begins_the_run() -> None:
    encoder = Encoder("thread", "run", "m")
    seen = check(map(json.loads, encoder.fail("shutting down", "shutdown")))
    assert kinds(seen) == ["RUN_STARTED", "RUN_ERROR"]
    assert seen[-1]["code"] == "shutdown"


def test_calls_get_ids_that_the_conversation_does_not_have() -> None:
    seen = encode([START, *adds("{}"), TurnDone("")], known_calls=["c1", "c1_2"])
    assert {each.get("toolCallId", "c1_3") for each in seen} == {"c1_3"}


def test_postponed_calls_interrupt_the_run() -> None:
    asked = ApprovalRequested("c1", "delete", {"path": "a"})
    seen = encode(
        [
            *(START, StepStarted(1)),
            *(ToolCallStarted("c1", "delete"), ArgumentsDelta("c1", '{"path": "a"}')),
            *(ToolCallStarted("c2", "add"), ArgumentsDelta("c2", "{}")),
            *(StepFinished(1), asked, ToolStarted("c2", {}), ToolFinished("c2", "20")),
            TurnFailed("the turn waits for the user: delete"),
        ]
    )
    assert [each["toolCallId"] for each in pick(seen, "TOOL_CALL_RESULT")] == ["c2"]
    outcome = seen[-1]["outcome"]
    assert outcome["type"] == "interrupt"
    [interrupt] = outcome["interrupts"]
    assert (interrupt["id"], interrupt["toolCallId"]) == ("c1", "c1")
    assert interrupt["reason"] == "tool_call"
    assert interrupt["message"] == 'Run delete(path="a")?'


def test_a_call_that_nobody_can_be_asked_about_has_a_result() -> None:
    asked = ApprovalRequested("c1", "add", {})
    given = ApprovalGiven("c1", False, "rule", "nobody to ask")
    refused = ToolFinished("c1", "not run", failed=True)
    seen = encode([START, *adds("{}")[:-2], asked, given, refused, TurnFailed("no answer")])
    assert seen[-1]["type"] == "RUN_ERROR"
    assert custom(seen)["streamchat.approval"]["approved"] is False
    assert pick(seen, "TOOL_CALL_RESULT")[0]["metadata"]["streamchat"]["refused"]


def test_a_result_of_an_earlier_runs_call_needs_no_call() -> None:
    events = [START, ApprovalGiven("c1", True, "user"), ToolStarted("c1", {})]
    seen = encode([*events, ToolFinished("c1", "gone"), TurnDone("ok")], waiting_calls=["c1"])
    assert "TOOL_CALL_START" not in kinds(seen)
    assert pick(seen, "TOOL_CALL_RESULT")[0]["toolCallId"] == "c1"


def test_calls_of_the_clients_tools_end_the_run_as_pending() -> None:
    asked = ApprovalRequested("c1", "add", {})
    events = [START, *adds("{}")[:-2], asked, TurnFailed("the turn waits for the user: add")]
    seen = encode(events, client_tools=["add"])
    assert seen[-1]["outcome"] == {"type": "success", "pendingToolCallIds": ["c1"]}


def test_what_a_graph_asks_interrupts_the_run() -> None:
    action = {"name": "delete", "arguments": {}, "description": "", "decisions": ("approve",)}
    free, bound = InputRequested("r1", "How many?"), InputRequested("r2", "Sure?", (action,))
    seen = encode([START, free, bound, TurnFailed("the agent asks")])
    one, two = seen[-1]["outcome"]["interrupts"]
    assert (one["id"], one["reason"], one["message"]) == ("r1", "input_required", "How many?")
    assert two["reason"] == "streamchat:decisions"
    assert two["metadata"]["streamchat"]["actions"][0]["name"] == "delete"


def test_what_a_graph_asks_about_a_call_names_the_call() -> None:
    action = {"name": "add", "arguments": {}, "description": "", "decisions": ("approve",)}
    asked = InputRequested("r1", "Sure?", (action,))
    seen = encode([START, *adds("{}")[:-2], asked, TurnFailed("the agent asks")])
    [interrupt] = seen[-1]["outcome"]["interrupts"]
    assert (interrupt["reason"], interrupt["toolCallId"]) == ("tool_call", "c1")
    assert not pick(seen, "TOOL_CALL_RESULT")


SCRIPTED = (*HOSTILE, *CUT_OFF, *SHAPES_OF_CALLS, *SHAPES_OF_STREAMS)


async def test_all_that_servers_send_becomes_what_the_protocol_allows(server: Server) -> None:
    ends = Counter[str]()
    agent = open_agent(server)
    for scenario in SCRIPTED:
        server.script(*scenario.replies)
        events = await collect_events(agent)
        ends[encode(events)[-1]["type"]] += 1
    await close_agents()
    assert min(ends["RUN_FINISHED"], ends["RUN_ERROR"]) > 5


@pytest.mark.parametrize("turn", [NOTEBOOK, GRAPH, PRINTING, DELEGATING, ASKING, APPROVING])
def test_recorded_turns_become_what_the_protocol_allows(turn: list[Event]) -> None:
    seen = encode(turn)
    for id, pieces in fragments(seen).items():
        written = [each.fragment for each in turn if is_argument(each, id)]
        assert pieces == written


def is_argument(event: Event, call_id: str) -> bool:
    return isinstance(event, ArgumentsDelta) and event.call_id == call_id


TEXTS = st.text(max_size=5)
PIECES = st.one_of(
    st.builds(TextDelta, TEXTS),
    st.builds(ReasoningDelta, TEXTS),
    st.builds(ArgumentsDelta, st.sampled_from(["c1", "c2"]), TEXTS),
    st.builds(AnswerDelta, TEXTS, st.sampled_from(["", "c3", "c4"])),
    st.builds(ToolStarted, st.sampled_from(["c1", "c2"]), st.just({})),
    st.builds(ToolFinished, st.sampled_from(["c1", "c2", "c3"]), TEXTS, st.booleans()),
    st.builds(StepStarted, st.integers(1, 3)),
    st.builds(StepFinished, st.integers(1, 3)),
    st.builds(Notice, TEXTS),
)
ENDS = st.sampled_from([TurnDone("the end"), TurnFailed("why"), TurnCancelled()])


@given(st.lists(PIECES, max_size=30), ENDS)
def test_any_events_in_any_order_keep_the_rules(pieces: list[Event], end: Event) -> None:
    calls = [
        *(ToolCallStarted("c1", "add"), ToolCallStarted("c2", "add")),
        *(ToolCallStarted("c3", "final_answer"), ToolCallStarted("c4", "final_answer")),
    ]
    seen = encode([START, StepStarted(1), *calls, *pieces, end])
    reasoning = "".join(each["delta"] for each in pick(seen, "REASONING_MESSAGE_CONTENT"))
    assert reasoning == "".join(each.text for each in pieces if isinstance(each, ReasoningDelta))
    shown = "".join(each["delta"] for each in pick(seen, "TEXT_MESSAGE_CONTENT"))
    written = "".join(e.text for e in pieces if isinstance(e, TextDelta | AnswerDelta))
    assert shown.removesuffix("the end") == written.removesuffix("the end")


@given(st.lists(st.text(min_size=1, max_size=4), max_size=20))
def test_every_fragment_arrives_as_it_came(pieces: list[str]) -> None:
    seen = encode([START, *adds(*pieces), TurnDone("")])
    assert fragments(seen).get("c1", []) == pieces
