"""Graphs whose questions are answered in a later request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from streamchat.agent.errors import AgentError
from streamchat.agent.source import EarlierCall, EarlierStep, Request
from streamchat.agent.target.emitter import Emitter
from streamchat.agent.target.graph import GraphPlay
from streamchat.events import (
    Event,
    InputReceived,
    InputRequested,
    ToolCallStarted,
    ToolFinished,
    TurnDone,
)
from streamchat.tools.approval import Policy, Rule, RulePolicy, Rules
from tests.plays import close_models, pick
from tests.server import Server, calls, says
from tests.test_graph_asks import careful


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_models()


async def play(
    graph: GraphPlay, *, policy: Policy | None = None, **fields: Any
) -> tuple[list[Event], str]:
    """Return the events of a turn, and the error that has ended it."""
    events: list[Event] = []
    request = Request("What is 3 * 4?", thread_id="t", postpones=True, **fields)
    emit = Emitter(
        events.append, interactive=False, policy=policy, postpones=True, resume=request.resume
    )
    try:
        events.append(await graph.answer(request, emit))
    except AgentError as error:
        return events, str(error)
    return events, ""


async def asked(graph: GraphPlay, **fields: Any) -> str:
    events, error = await play(graph, **fields)
    assert error
    (requested,) = pick(events, InputRequested)
    return str(requested.request_id)


async def test_an_approved_call_runs_in_the_next_request(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4), says("12."))
    graph = careful(server)
    id = await asked(graph)
    events, error = await play(graph, resume={id: [{"type": "approve"}]})
    assert not error
    assert pick(events, InputReceived) == [InputReceived(id, "approved")]
    assert [each.output for each in pick(events, ToolFinished)] == ["12.0"]
    assert events[-1] == TurnDone("12.", ("multiply",))


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ({"approved": True}, "12.0"),
        ({"approved": True, "editedArgs": {"x": 5, "y": 5}}, "25.0"),
        ({"approved": False, "reason": "too big"}, "too big"),
        ({"decisions": [{"type": "approve"}]}, "12.0"),
        ("respond: 13", "13"),
    ],
)
async def test_decisions_have_several_forms(server: Server, answer: object, result: str) -> None:
    server.script(calls("multiply", x=3, y=4), says("Done."))
    graph = careful(server)
    id = await asked(graph)
    call = EarlierCall("call_multiply", "multiply", '{"x": 3, "y": 4}')
    events, error = await play(graph, resume={id: answer}, steps=[EarlierStep("", (call,))])
    assert not error
    assert not pick(events, ToolCallStarted)
    (finished,) = pick(events, ToolFinished)
    assert finished.call_id == "call_multiply"
    assert result in finished.output


async def test_an_answer_counts_once(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4), calls("multiply", x=5, y=6))
    graph = careful(server)
    first = await asked(graph)
    answer = {first: [{"type": "approve"}]}
    second = await asked(graph, resume=answer)
    assert second != first
    events, error = await play(graph, resume=answer)
    assert not events
    assert "does not wait for an answer" in error


async def test_a_wrong_decision_says_what_is_right(server: Server) -> None:
    server.script(calls("add", x=3, y=4))
    graph = careful(server)
    id = await asked(graph)
    _, error = await play(graph, resume={id: [{"type": "edit"}]})
    assert "type approve or reject: WHY" in error


async def test_an_edit_cannot_make_a_call_that_is_denied(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4))
    graph = careful(server)
    id = await asked(graph)
    edited = {"type": "edit", "edited_action": {"name": "add", "args": {"x": 1, "y": 2}}}
    policy = RulePolicy(Rules([Rule("add", "deny", "--deny add")]))
    _, error = await play(graph, policy=policy, resume={id: [edited]})
    assert error == "add is denied by --deny add"


async def test_nodes_that_ask_at_the_same_time_are_answered_together() -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    def ask_size(state: MessagesState) -> dict[str, Any]:
        return {"messages": [("ai", f"size {interrupt('How big?')}")]}

    def ask_color(state: MessagesState) -> dict[str, Any]:
        return {"messages": [("ai", f"color {interrupt('Which color?')}")]}

    builder = StateGraph(MessagesState)
    for node in (ask_size, ask_color):
        builder.add_node(node)
        builder.add_edge(START, node.__name__)
    graph = GraphPlay(builder.compile(checkpointer=InMemorySaver()))
    events, _ = await play(graph)
    questions = {each.question: each.request_id for each in pick(events, InputRequested)}
    answers = {questions["How big?"]: 5, questions["Which color?"]: "red"}
    events, error = await play(graph, resume=answers)
    assert not error
    assert len(pick(events, InputReceived)) == 2
