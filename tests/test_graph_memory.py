"""What a graph remembers: by its checkpoints, or by what streamchat sends along."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from streamchat.agent.errors import AgentError
from streamchat.agent.source import Exchange, Request
from streamchat.agent.target.graph import GraphPlay
from streamchat.agent.target.messages import rebuild_messages
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    SpeakerChanged,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
)
from tests.graphs import Chat, add, notices, open_model, said
from tests.plays import Emitted, close_models
from tests.server import NEVER, Server, calls, fails, says

FORGOTTEN = "the agent's memory does not hold this conversation: the history is sent along"
ELSEWHERE = (
    "the agent's memory holds another conversation under this ID: it goes on in a new thread"
)


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_models()


def play(server: Server, checkpointer: Any = None, **options: Any) -> GraphPlay:
    agent = create_agent(open_model(server), [add], checkpointer=checkpointer, **options)
    return GraphPlay(agent)


# Without a checkpointer


async def test_a_graph_without_a_checkpointer_is_sent_all_messages(server: Server) -> None:
    server.script(
        says("Let me add. ") + calls("add", x=1, y=2), says("It is 3."), says("You asked 1 + 2.")
    )
    chat = Chat(play(server))
    await chat.ask("What is 1 + 2?")
    await chat.ask("What did I ask?")
    assert said(server) == [
        "user: What is 1 + 2?",
        "assistant: Let me add. ['add']",
        "tool: 3.0",
        "assistant: It is 3.",
        "user: What did I ask?",
    ]
    call = server.requests[-1]["messages"][1]["tool_calls"][0]
    assert call["function"]["arguments"] == '{"x": 1, "y": 2}'


def rebuilt(*events: Any, answer: str = "") -> list[BaseMessage]:
    return rebuild_messages([Exchange("?", answer, events)])[1:]


def test_calls_without_a_result_are_left_out() -> None:
    first, *rest = rebuilt(
        TextDelta("Hm."),
        ToolCallStarted("1", "add"),
        ArgumentsDelta("1", '{"x": 1}'),
        ToolCallStarted("2", "add"),
        ToolStarted("1", {"x": 1}),
        ToolFinished("1", "2"),
        answer="Two.",
    )
    assert isinstance(first, AIMessage)
    assert [call["id"] for call in first.tool_calls] == ["1"]
    assert [type(each) for each in rest] == [ToolMessage, AIMessage]


def test_a_failed_call_keeps_its_error_and_odd_names_are_mended() -> None:
    first, result = rebuilt(
        ToolCallStarted("1", "add it!"),
        ArgumentsDelta("1", '{"x": '),
        ToolFinished("1", "not valid", failed=True),
    )
    assert isinstance(first, AIMessage)
    assert isinstance(result, ToolMessage)
    assert (first.tool_calls[0]["name"], first.tool_calls[0]["args"]) == ("add_it_", {})
    assert (result.content, result.status) == ("not valid", "error")


def test_each_step_is_a_message() -> None:
    messages = rebuilt(
        StepStarted(1), TextDelta("One."), StepStarted(2), TextDelta("Two."), answer="Two."
    )
    assert [each.content for each in messages] == ["One.", "Two."]


def test_an_answer_that_was_stopped_keeps_its_mark() -> None:
    messages = rebuilt(AnswerDelta("It is"), answer="It is\n\n[interrupted]")
    assert [each.content for each in messages] == ["It is\n\n[interrupted]"]


def test_an_answer_in_a_call_follows_it_as_text() -> None:
    messages = rebuilt(
        ToolCallStarted("1", "final_answer"),
        ArgumentsDelta("1", '{"answer": "Two."}'),
        AnswerDelta("Two.", "1"),
        ToolFinished("1", ""),
        answer="Two.",
    )
    assert [type(each) for each in messages] == [AIMessage, ToolMessage, AIMessage]
    assert messages[-1].content == "Two."


def test_what_an_agent_inside_a_tool_said_is_left_out() -> None:
    messages = rebuilt(
        ToolCallStarted("1", "task"),
        ToolStarted("1", {}),
        SpeakerChanged("helper", 1),
        TextDelta("Adding."),
        ToolCallStarted("2", "add"),
        ToolStarted("2", {}),
        ToolFinished("2", "3"),
        ToolFinished("1", "It is 3."),
        SpeakerChanged("agent", 0),
        TextDelta("Three."),
        answer="Three.",
    )
    assert [each.content for each in messages] == ["", "It is 3.", "Three."]


# With one


@pytest.fixture(params=["memory", "sqlite"])
async def saver(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield InMemorySaver()
    else:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "memory.db")) as opened:
            yield opened


async def test_a_graph_that_remembers_is_sent_the_question_alone(
    server: Server, saver: Any
) -> None:
    server.script(calls("add", x=1, y=2), says("Three."), says("Yes."))
    chat = Chat(play(server, saver))
    await chat.ask("1 + 2?")
    chat.turns[0] = (replace(chat.turns[0][0], events=()), True)  # nothing to rebuild it from
    await chat.ask("Really?")
    assert said(server) == [
        "user: 1 + 2?",
        "assistant: ['add']",
        "tool: 3.0",
        "assistant: Three.",
        "user: Really?",
    ]
    assert notices(chat.events) == []


async def test_undo_goes_back_to_the_checkpoint_before(server: Server, saver: Any) -> None:
    server.script(*(says(f"{number}.") for number in range(5)))
    chat = Chat(play(server, saver))
    for question in ("a", "b", "c"):
        await chat.ask(question)
    del chat.turns[1:]
    await chat.ask("d")
    assert said(server) == ["user: a", "assistant: 0.", "user: d"]
    await chat.ask("e")
    assert said(server)[2:] == ["user: d", "assistant: 3.", "user: e"]


async def test_retry_of_the_only_question_begins_again(server: Server, saver: Any) -> None:
    server.script(says("One."), says("Two."), says("Three."))
    chat = Chat(play(server, saver))
    await chat.ask("a")
    chat.turns.clear()
    await chat.ask("a")
    assert said(server) == ["user: a"]
    await chat.ask("b")
    assert said(server) == ["user: a", "assistant: Two.", "user: b"]
    assert notices(chat.events) == []


async def test_a_branch_and_its_origin_go_on_each_by_itself(server: Server, saver: Any) -> None:
    server.script(*(says(f"{number}.") for number in range(5)))
    chat = Chat(play(server, saver))
    await chat.ask("a")
    await chat.ask("b")
    branch = Chat(chat.play, turns=chat.turns[:1])
    await branch.ask("c")
    assert said(server) == ["user: a", "assistant: 0.", "user: c"]
    await chat.ask("d")
    assert said(server) == ["user: a", "assistant: 0.", "user: b", "assistant: 1.", "user: d"]
    await branch.ask("e")
    assert said(server) == ["user: a", "assistant: 0.", "user: c", "assistant: 2.", "user: e"]


async def test_memory_on_disk_outlives_the_program(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."))
    path = str(tmp_path / "memory.db")
    async with AsyncSqliteSaver.from_conn_string(path) as saver:
        chat = Chat(play(server, saver))
        await chat.ask("a")
    async with AsyncSqliteSaver.from_conn_string(path) as saver:
        resumed = Chat(play(server, saver), turns=chat.turns)
        await resumed.ask("b")
    assert said(server) == ["user: a", "assistant: One.", "user: b"]
    assert notices(resumed.events) == []


async def test_memory_that_is_gone_is_replaced_by_the_history(server: Server) -> None:
    server.script(calls("add", x=1, y=2), says("Three."), says("Two."), says("Four."))
    chat = Chat(play(server, InMemorySaver()))
    await chat.ask("a")
    chat.play = play(server, InMemorySaver())
    await chat.ask("b")
    assert notices(chat.events) == [FORGOTTEN]
    assert said(server) == [
        "user: a",
        "assistant: ['add']",
        "tool: 3.0",
        "assistant: Three.",
        "user: b",
    ]
    await chat.ask("c")
    assert notices(chat.events) == []
    assert len(said(server)) == 7


async def test_a_thread_of_somebody_else_is_left_alone(server: Server, saver: Any) -> None:
    server.script(says("Mine."), says("One."), says("Two."))
    agent = play(server, saver)
    other = Chat(agent, turns=[])
    await other.ask("mine")
    chat = Chat(agent, turns=[(Exchange("a", "A."), True)])
    await chat.ask("b")
    assert notices(chat.events) == [ELSEWHERE]
    assert said(server) == ["user: a", "assistant: A.", "user: b"]
    await chat.ask("c")
    assert notices(chat.events) == []
    assert said(server)[-3:] == ["user: b", "assistant: One.", "user: c"]


async def test_a_failed_turn_is_forgotten(server: Server, saver: Any) -> None:
    server.script(says("One."), fails(400, "too long"), says("Two."))
    chat = Chat(play(server, saver))
    await chat.ask("a")
    with pytest.raises(Exception, match="too long"):
        await chat.ask("b")
    await chat.ask("c")
    assert said(server) == ["user: a", "assistant: One.", "user: c"]


async def test_a_call_without_its_result_is_left_behind(server: Server, saver: Any) -> None:
    @tool
    async def wait(x: int) -> str:
        """Wait."""
        await asyncio.sleep(600)
        return ""

    server.script(says("One."), says("Hm. ") + calls("wait", x=1), says("Two."))
    agent = create_agent(open_model(server), [wait], checkpointer=saver)
    chat = Chat(GraphPlay(agent))
    await chat.ask("a")
    await chat.interrupt("b", after=ToolStarted("call_wait", {"x": 1}))
    await chat.ask("c")
    assert said(server)[:2] == ["user: a", "assistant: One."]
    assert said(server)[-1] == "user: c"
    assert not any(each.get("tool_calls") for each in server.requests[-1]["messages"])


async def test_an_answer_stopped_in_the_middle_keeps_its_question(
    server: Server, saver: Any
) -> None:
    server.script(says("One ").but(parts=(*says("One ").parts, NEVER)), says("Two."))
    chat = Chat(play(server, saver))
    await chat.interrupt("a", after=TextDelta("One "))
    await chat.ask("b")
    assert said(server) == ["user: a", "user: b"]


async def test_redacted_questions_count_as_the_ones_that_were_sent(server: Server) -> None:
    server.script(says("One."), says("Two."))
    chat = Chat(play(server, InMemorySaver()))
    await chat.ask("my key is sk-12345, remember it")
    exchange, _ = chat.turns[0]
    chat.turns[0] = (replace(exchange, question="my key is sk-***, remember it"), True)
    await chat.ask("b")
    assert notices(chat.events) == []
    assert said(server)[0] == "user: my key is sk-12345, remember it"


async def test_questions_that_the_graph_makes_up_do_not_count(server: Server) -> None:
    class Reminder(AgentMiddleware):
        def before_agent(self, state: Any, runtime: Any) -> dict[str, Any]:
            return {"messages": [HumanMessage("Be brief.")]}

    server.script(says("One."), says("Two."))
    chat = Chat(play(server, InMemorySaver(), middleware=[Reminder()]))
    await chat.ask("a")
    await chat.ask("b")
    assert notices(chat.events) == []
    assert said(server)[:3] == ["user: a", "user: Be brief.", "assistant: One."]


async def test_a_graph_with_a_question_key_goes_on_in_its_thread(server: Server) -> None:
    class State(TypedDict):
        question: str
        asked: int

    def count(state: State) -> dict[str, Any]:
        return {"asked": state.get("asked", 0) + 1}

    graph = StateGraph(State).add_node("count", count).add_edge(START, "count")
    chat = Chat(GraphPlay(graph.compile(checkpointer=InMemorySaver())))
    assert await chat.ask("a") == '{"asked": 1}'
    assert await chat.ask("b") == '{"asked": 2}'
    del chat.turns[1:]
    assert await chat.ask("c") == '{"asked": 2}'


async def test_a_synchronous_checkpointer_names_the_other(server: Server, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "memory.db", check_same_thread=False)
    with connection, pytest.raises(AgentError) as caught:
        await play(server, SqliteSaver(connection)).answer(Request("a"), Emitted())
    connection.close()
    assert str(caught.value) == (
        "SqliteSaver cannot be used in an event loop: use AsyncSqliteSaver instead"
    )
