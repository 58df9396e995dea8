"""Graphs that stop to ask the user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from streamchat.agent.errors import AgentError
from streamchat.agent.target.graph import GraphPlay
from streamchat.events import (
    ApprovalGiven,
    InputReceived,
    InputRequested,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)
from streamchat.tools.approval import Verdict
from streamchat.turn import Question
from tests.graphs import add, collect, multiply, open_model, play_turn, said
from tests.plays import close_models, pick
from tests.server import Server, calls, says


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_models()


def careful(server: Server, *, checkpointer: Any = True, mode: str = "batched") -> GraphPlay:
    """An agent whose calls have to be approved."""
    gated: dict[str, Any] = {"multiply": True, "add": {"allowed_decisions": ["approve", "reject"]}}
    middleware = HumanInTheLoopMiddleware(gated, interrupt_mode=mode)  # type: ignore[arg-type]
    saver = InMemorySaver() if checkpointer else None
    model = open_model(server)
    return GraphPlay(
        create_agent(model, [add, multiply], middleware=[middleware], checkpointer=saver)
    )


async def test_an_approved_call_runs(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4), says("12."))
    events = await collect(careful(server), typed=["approve"], thread_id="t")
    (requested,) = pick(events, InputRequested)
    assert requested.actions == (
        {
            "name": "multiply",
            "arguments": {"x": 3, "y": 4},
            "description": "Tool execution requires approval",
            "decisions": ("approve", "edit", "reject", "respond"),
        },
    )
    assert pick(events, InputReceived) == [InputReceived(requested.request_id, "approved")]
    assert [each.output for each in pick(events, ToolFinished)] == ["12.0"]
    assert len(pick(events, ToolCallStarted)) == len(pick(events, ToolStarted)) == 1
    assert events[-1] == TurnDone("12.", ("multiply",))


async def test_an_edited_call_runs_with_the_users_arguments(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4), says("25."))
    events = await collect(careful(server), typed=['edit {"x": 5, "y": 5}'], thread_id="t")
    assert pick(events, ToolStarted) == [ToolStarted("call_multiply", {"x": 5, "y": 5})]
    assert [each.output for each in pick(events, ToolFinished)] == ["25.0"]


async def test_a_rejected_call_fails(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4), says("Sorry."))
    events = await collect(careful(server), typed=["reject: too big"], thread_id="t")
    assert not pick(events, ToolStarted)
    (result,) = pick(events, ToolFinished)
    assert result.failed
    assert "too big" in result.output
    assert events[-1] == TurnDone("Sorry.", ())


async def test_a_call_that_the_user_answers_has_not_run(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4), says("13."))
    events = await collect(careful(server), typed=["respond: 13"], thread_id="t")
    assert not pick(events, ToolStarted)
    (result,) = pick(events, ToolFinished)
    assert (result.output, result.failed) == ("13", False)
    assert said(server)[-1] == "tool: 13"
    assert events[-1] == TurnDone("13.", ())


async def test_several_calls_are_decided_in_one_request(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4) + calls("add", x=1, y=2), says("Done."))
    events = await collect(careful(server), typed=["approve\nreject: no"], thread_id="t")
    assert len(pick(events, InputRequested)) == 1
    assert {(each.call_id, each.failed) for each in pick(events, ToolFinished)} == {
        ("call_multiply", False),
        ("call_add", True),
    }


async def test_calls_that_ask_each_for_itself_are_all_decided(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4) + calls("add", x=1, y=2), says("Done."))
    play = careful(server, mode="per_call")
    events = await collect(play, typed=["a", "reject"], thread_id="t")
    decisions = [each.actions[0]["decisions"] for each in pick(events, InputRequested)]
    assert sorted(decisions) == [
        ("approve", "edit", "reject", "respond"),
        ("approve", "reject"),
    ]
    results = {each.call_id: each.failed for each in pick(events, ToolFinished)}
    assert sorted(results.values()) == [False, True]
    assert len(pick(events, ToolFinished)) == 2


def allow_add(tool: str) -> Verdict:
    return Verdict("allow", "add") if tool == "add" else Verdict("deny", "no multiply")


async def test_rules_decide_before_the_user_is_asked(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4) + calls("add", x=1, y=2), says("Done."))
    events = await collect(careful(server), judge=allow_add, thread_id="t")
    assert not pick(events, InputRequested, InputReceived)
    assert {(each.call_id, each.approved, each.by) for each in pick(events, ApprovalGiven)} == {
        ("call_multiply", False, "rule"),
        ("call_add", True, "rule"),
    }
    assert {(each.call_id, each.failed) for each in pick(events, ToolFinished)} == {
        ("call_multiply", True),
        ("call_add", False),
    }
    assert any(each.endswith("denied by no multiply") for each in said(server))


@pytest.mark.parametrize("mode", ["batched", "per_call"])
async def test_the_user_is_asked_about_the_other_calls(server: Server, mode: str) -> None:
    server.script(calls("add", x=1, y=2) + calls("multiply", x=3, y=4), says("Done."))

    def judge(tool: str) -> Verdict:
        return Verdict("allow", "add") if tool == "add" else Verdict("ask")

    play = careful(server, mode=mode)
    events = await collect(play, typed=["reject: no"], judge=judge, thread_id="t")
    (requested,) = pick(events, InputRequested)
    assert [action["name"] for action in requested.actions] == ["multiply"]
    assert [each.answer for each in pick(events, InputReceived)] == ["rejected: no"]
    assert {(each.call_id, each.failed) for each in pick(events, ToolFinished)} == {
        ("call_multiply", True),
        ("call_add", False),
    }


@pytest.mark.parametrize("others", [[], ["respond"]])
async def test_a_denied_call_never_runs_whatever_the_agent_allows(
    server: Server, others: list[str]
) -> None:
    gated: dict[str, Any] = {"add": {"allowed_decisions": ["approve", *others]}}
    middleware = HumanInTheLoopMiddleware(gated)
    agent = create_agent(
        open_model(server), [add], middleware=[middleware], checkpointer=InMemorySaver()
    )
    server.script(calls("add", x=1, y=2), says("Not added."))
    deny = Verdict("deny", "no")
    work = collect(GraphPlay(agent), judge=lambda tool: deny, thread_id="t")
    if others:
        assert not pick(await work, InputRequested)
        assert any(each.endswith("denied by no") for each in said(server))
    else:
        with pytest.raises(AgentError, match="add is denied by no, and the agent does not let"):
            await work


async def test_a_nodes_question_is_answered_in_words(server: Server) -> None:
    def check(state: MessagesState) -> dict[str, Any]:
        city = interrupt("Which city?")
        when = interrupt({"when": ["now", "later"]})
        return {"messages": [("ai", f"{city}, {when}")]}

    graph = StateGraph(MessagesState).add_node("check", check).add_edge(START, "check")
    play = GraphPlay(graph.compile(checkpointer=InMemorySaver()))
    turn = await play_turn(play, typed=["Paris", "now"], thread_id="t")
    questions = [block for block in turn.blocks if isinstance(block, Question)]
    assert [(each.request.question, each.answer) for each in questions] == [
        ("Which city?", "Paris"),
        ('{"when": ["now", "later"]}', "now"),
    ]
    assert turn.answer.text == "Paris, now"


async def test_parallel_nodes_and_subgraphs_all_get_their_answers(server: Server) -> None:
    def ask_for(name: str) -> Any:
        def ask(state: MessagesState) -> dict[str, Any]:
            return {"messages": [("ai", f"{name}: {interrupt(f'{name}?')}")]}

        return ask

    inner = StateGraph(MessagesState).add_node("ask", ask_for("inner")).add_edge(START, "ask")
    graph = StateGraph(MessagesState).add_node("sub", inner.compile())
    graph.add_node("left", ask_for("left")).add_edge(START, "sub").add_edge(START, "left")
    play = GraphPlay(graph.compile(checkpointer=InMemorySaver()))
    turn = await play_turn(play, typed=["1", "1"], thread_id="t")
    questions = [block for block in turn.blocks if isinstance(block, Question)]
    assert sorted(each.request.question for each in questions) == ["inner?", "left?"]
    assert all(each.answer == "1" for each in questions)


async def test_a_question_inside_a_tool_does_not_fail_its_call(server: Server) -> None:
    @tool
    def book(city: str) -> str:
        """Book."""
        return f"{city}: {interrupt('Sure?')}"

    agent = create_agent(open_model(server), [book], checkpointer=InMemorySaver())
    server.script(calls("book", city="Paris"), says("Booked."))
    events = await collect(GraphPlay(agent), typed=["yes"], thread_id="t")
    assert len(pick(events, ToolStarted)) == 1
    assert [(each.output, each.failed) for each in pick(events, ToolFinished)] == [
        ("Paris: yes", False)
    ]


async def test_a_breakpoint_is_passed_or_ends_the_turn(server: Server) -> None:
    def breakpointed() -> GraphPlay:
        model, saver = open_model(server), InMemorySaver()
        return GraphPlay(create_agent(model, [add], checkpointer=saver, interrupt_before=["tools"]))

    server.script(calls("add", x=1, y=2), says("3."), calls("add", x=1, y=2))
    turn = await play_turn(breakpointed(), typed=["yes"], thread_id="t")
    assert turn.answer.text == "3."
    with pytest.raises(AgentError, match="stopped at a breakpoint"):
        await collect(breakpointed(), typed=["no"], thread_id="t")


async def test_without_a_checkpointer_the_user_learns_what_to_add(server: Server) -> None:
    server.script(calls("multiply", x=3, y=4))
    with pytest.raises(AgentError, match=r"checkpointer=InMemorySaver\(\)"):
        await collect(careful(server, checkpointer=False))
