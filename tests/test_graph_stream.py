"""What one sees of a LangGraph graph while it works."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelRetryMiddleware,
    ToolCallRequest,
    ToolRetryMiddleware,
)
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import ToolException, tool
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

from streamchat.agent.errors import AgentError
from streamchat.agent.source import Request
from streamchat.agent.target.graph import GraphPlay
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    Event,
    OutputReceived,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)
from streamchat.tools import final_answer
from streamchat.turn import Answer, Prose, Speaker, ToolCall, fold
from tests.graphs import (
    add,
    collect,
    multiply,
    notices,
    open_model,
    play_turn,
    said,
    texts,
)
from tests.plays import Emitted, close_models, pick
from tests.server import (
    NEVER,
    Hangup,
    Reply,
    Server,
    Until,
    answers,
    calls,
    completion,
    fails,
    says,
)


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_models()


def agent(server: Server, *tools: Any, **options: Any) -> Any:
    return create_agent(open_model(server), [add, multiply, *tools], **options)


async def test_every_fragment_of_a_call_is_shown(server: Server) -> None:
    server.script(
        says("Let me see. ") + calls("add", ['{"x": ', '10, "y"', ": 10}"]).but(usage=(50, 9)),
        says("It ", "is 20."),
    )
    events = await collect(agent(server))
    assert [event for event in events if not isinstance(event, StepFinished | ToolFinished)][
        1:
    ] == [
        StepStarted(1),
        TextDelta("Let me see. "),
        ToolCallStarted("call_add", "add"),
        ArgumentsDelta("call_add", '{"x": '),
        ArgumentsDelta("call_add", '10, "y"'),
        ArgumentsDelta("call_add", ": 10}"),
        ToolStarted("call_add", {"x": 10, "y": 10}),
        StepStarted(2),
        TextDelta("It "),
        TextDelta("is 20."),
        TurnDone("It is 20.", ("add",)),
    ]
    (result,) = pick(events, ToolFinished)
    assert (result.call_id, result.output, result.failed) == ("call_add", "20.0", False)
    assert result.seconds > 0
    first, second = pick(events, StepFinished)
    assert (first.finish_reason, first.input_tokens, first.output_tokens) == ("tool_calls", 50, 9)
    assert second.finish_reason == "stop"
    assert 0 < first.first_token_seconds < first.seconds


async def test_text_of_an_agent_without_tools_is_the_answer_at_once(server: Server) -> None:
    server.script(says("He", "llo."))
    events = await collect(create_agent(open_model(server), []))
    assert pick(events, TextDelta, AnswerDelta) == [AnswerDelta("He"), AnswerDelta("llo.")]


async def test_a_result_is_shown_while_other_tools_still_run(server: Server) -> None:
    added = asyncio.Event()

    @tool
    async def wait(x: int) -> str:
        """Wait."""
        await asyncio.wait_for(added.wait(), 300)
        return "waited"

    class Watching(Emitted):
        def __call__(self, event: Event) -> None:
            super().__call__(event)
            if isinstance(event, ToolFinished) and event.call_id == "call_add":
                added.set()

    server.script(calls("wait", x=1) + calls("add", x=1, y=2), says("Done."))
    emit = Watching()
    await GraphPlay(agent(server, wait)).answer(Request("?"), emit)
    assert [event.output for event in pick(emit.events, ToolFinished)] == ["3.0", "waited"]


async def test_calls_with_the_same_id_in_one_turn_are_told_apart(server: Server) -> None:
    server.script(calls("add", x=1, y=2), calls("add", x=3, y=4), says("3 and 7."))
    turn = await play_turn(agent(server))
    shown = [block for block in turn.blocks if isinstance(block, ToolCall)]
    assert [(each.output, each.state) for each in shown] == [("3.0", "done"), ("7.0", "done")]


async def test_a_failing_tool_ends_the_turn_and_is_shown_as_failed(server: Server) -> None:
    @tool
    def divide(x: float, y: float) -> float:
        """Divide."""
        return x / y

    server.script(calls("divide", x=1, y=0))
    emit = Emitted()
    with pytest.raises(ZeroDivisionError):
        await GraphPlay(agent(server, divide)).answer(Request("?"), emit)
    (result,) = pick(emit.events, ToolFinished)
    assert (result.output, result.failed) == ("float division by zero", True)


async def test_an_error_that_the_agent_handles_is_shown_once(server: Server) -> None:
    @tool
    def refuse(x: int) -> str:
        """Refuse."""
        raise ToolException("not today")

    refuse.handle_tool_error = True
    server.script(
        calls("refuse", x=1),
        calls("add", x="a", y=2),
        calls("nosuch", x=1),
        says("Sorry."),
    )
    events = await collect(agent(server, refuse))
    results = pick(events, ToolFinished)
    assert [each.failed for each in results] == [True, True, True]
    assert results[0].output == "not today"
    assert "valid number" in results[1].output
    assert results[2].output.startswith("Error: nosuch is not a valid tool")
    assert events[-1] == TurnDone("Sorry.", ())


async def test_a_tool_that_is_tried_again_finishes_once(server: Server) -> None:
    tries: list[int] = []

    @tool
    def flaky(x: int) -> str:
        """Fail the first time."""
        tries.append(x)
        if len(tries) == 1:
            raise RuntimeError("try again")
        return "fine"

    server.script(calls("flaky", x=1), says("Done."))
    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)
    events = await collect(agent(server, flaky, middleware=[retry]))
    assert len(pick(events, ToolStarted)) == 1
    assert [(each.output, each.failed) for each in pick(events, ToolFinished)] == [("fine", False)]
    assert events[-1] == TurnDone("Done.", ("flaky",))


async def test_a_result_without_a_run_comes_from_the_message(server: Server) -> None:
    class Cache(AgentMiddleware):
        async def awrap_tool_call(self, request: ToolCallRequest, handler: Any) -> ToolMessage:
            return ToolMessage("cached", tool_call_id=request.tool_call["id"])

    server.script(calls("add", x=1, y=2), says("Done."))
    events = await collect(agent(server, middleware=[Cache()]))
    assert pick(events, ToolStarted) == [ToolStarted("call_add", {"x": 1, "y": 2})]
    (result,) = pick(events, ToolFinished)
    assert (result.output, result.failed) == ("cached", False)


async def test_tools_that_a_node_invokes_by_hand_belong_to_their_calls(server: Server) -> None:
    model = open_model(server).bind_tools([add])

    async def work(state: MessagesState) -> dict[str, Any]:
        asked = await model.ainvoke(state["messages"])
        results = [
            ToolMessage(str(await add.ainvoke(call["args"])), tool_call_id=call["id"])
            for call in asked.tool_calls
        ]
        return {"messages": [asked, *results, await model.ainvoke("sum up")]}

    graph = StateGraph(MessagesState).add_node("work", work).add_edge(START, "work").compile()
    server.script(calls("add", x=1, y=2), says("3."))
    events = await collect(graph)
    assert pick(events, ToolStarted) == [ToolStarted("call_add", {"x": 1, "y": 2})]
    assert [each.output for each in pick(events, ToolFinished)] == ["3.0"]
    assert events[-1] == TurnDone("3.", ("add",))


async def test_a_call_that_ran_although_it_was_cut_off_is_noted(server: Server) -> None:
    cut = calls("multiply", ['{"x": 1, "y": 2']).but(finish_reason="length")
    server.script(cut, says("2."))
    events = await collect(agent(server))
    assert notices(events) == ['multiply ran although its arguments were cut off: {"x": 1, "y": 2']
    assert pick(events, ToolStarted) == [ToolStarted("call_multiply", {"x": 1, "y": 2})]


async def test_the_answer_of_final_answer_arrives_in_pieces(server: Server) -> None:
    server.script(calls("add", x=1, y=2), answers("It is 3."), says("That was it."))
    events = await collect(agent(server, final_answer))
    assert "".join(each.text for each in pick(events, AnswerDelta)) == "It is 3."
    assert events[-1] == TurnDone("It is 3.", ("add",))


async def test_a_structured_response_is_the_answer_as_json(server: Server) -> None:
    class City(TypedDict):
        """A city."""

        name: str
        people: int

    server.script(calls("City", name="Zürich", people=430000))
    graph = create_agent(open_model(server), [add], response_format=ToolStrategy(City))
    events = await collect(graph)
    assert events[-1].answer == '{"name": "Zürich", "people": 430000}'


async def test_a_tool_that_returns_directly_has_the_last_word(server: Server) -> None:
    @tool(return_direct=True)
    def look_up(word: str) -> str:
        """Look up."""
        return f"{word} means nothing."

    server.script(says("Looking. ") + calls("look_up", word="foo"))
    turn = await play_turn(agent(server, look_up))
    assert turn.answer.text == "foo means nothing."


async def test_reasoning_in_tags_is_not_part_of_the_answer(server: Server) -> None:
    server.script(says("<think>Hm.</think>", "Four."))
    assert (await play_turn(agent(server))).answer.text == "Four."


# Speakers


def two_nodes(server: Server) -> Any:
    model = open_model(server)

    async def plan(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("planner", plan)
    graph.add_node("work", create_agent(model, [add], name="researcher"))
    graph.add_edge(START, "planner").add_edge("planner", "work").add_edge("work", END)
    return graph.compile()


async def test_nodes_and_subgraphs_are_announced(server: Server) -> None:
    server.script(says("First add."), calls("add", x=1, y=2), says("It is 3."))
    turn = await play_turn(two_nodes(server))
    assert [block for block in turn.blocks if isinstance(block, Speaker)] == [
        Speaker("planner", 0),
        Speaker("researcher", 1),
    ]
    assert [type(block) for block in turn.blocks] == [Speaker, Prose, Speaker, ToolCall, Answer]
    assert turn.answer.text == "It is 3."


async def test_an_agent_with_one_node_that_speaks_announces_nobody(server: Server) -> None:
    server.script(calls("add", x=1, y=2), says("It is 3."))
    assert not pick(await collect(agent(server, name="helper")), SpeakerChanged)


async def test_parallel_nodes_never_mix_their_text(server: Server) -> None:
    both = threading.Barrier(2)

    class Meeting:
        """Lets a message go on only once the other one has begun."""

        def wait(self, timeout: float) -> None:
            both.wait(300)

    meet = Until(Meeting())  # type: ignore[arg-type]
    replies = [
        says("a1 ", "a2.").but(parts=(*says("a1 ").parts, meet, *says("a2.").parts)),
        says("b1 ", "b2.").but(parts=(*says("b1 ").parts, meet, *says("b2.").parts)),
    ]
    model = open_model(server)

    async def speak(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke("go")]}

    graph = StateGraph(MessagesState).add_node("left", speak).add_node("right", speak)
    graph.add_edge(START, "left").add_edge(START, "right")
    server.script(*replies)
    turn = await play_turn(graph.compile())
    assert sorted(texts(turn)) == ["a1 a2.", "b1 b2."]
    assert {block.name for block in turn.blocks if isinstance(block, Speaker)} == {"left", "right"}


async def test_what_waits_for_its_turn_is_shown_when_the_turn_fails(server: Server) -> None:
    begun = threading.Event()
    model = open_model(server)

    async def speak(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke("go")]}

    async def fail(state: MessagesState) -> dict[str, Any]:
        await asyncio.to_thread(begun.wait, 60)
        raise RuntimeError("broken")

    class Watching(Emitted):
        def __call__(self, event: Event) -> None:
            super().__call__(event)
            if isinstance(event, TextDelta):
                begun.set()

    graph = StateGraph(MessagesState).add_node("slow", speak).add_node("broken", fail)
    graph.add_edge(START, "slow").add_edge(START, "broken")
    server.script(says("One ").but(parts=(*says("One ").parts, NEVER)))
    emit = Watching()
    with pytest.raises(RuntimeError, match="broken"):
        await GraphPlay(graph.compile()).answer(Request("?"), emit)
    assert pick(emit.events, TextDelta) == [TextDelta("One ")]


async def test_a_deep_agents_helper_is_a_level_deeper(server: Server) -> None:
    helper = {
        "name": "researcher",
        "description": "Finds out.",
        "system_prompt": "Find out.",
        "tools": [add],
    }
    graph = create_deep_agent(model=open_model(server), tools=[multiply], subagents=[helper])
    server.script(
        calls("task", description="add", subagent_type="researcher"),
        calls("add", x=1, y=2),
        says("It is ", "3."),
        says("The helper says 3."),
    )
    play = GraphPlay(graph)
    turn = await play_turn(play)
    assert play.name == "LangGraph graph (deepagents)"
    assert {"multiply", "task"} <= {each.name for each in play.tools}
    assert [block for block in turn.blocks if isinstance(block, Speaker)] == [
        Speaker("researcher", 1),
        Speaker("agent", 0),
    ]
    assert turn.tools_used == ("add", "task")
    assert turn.answer.text == "The helper says 3."
    assert turn.call("call_task").seconds >= turn.call("call_add").seconds


# What else comes out of a graph


async def test_what_a_node_writes_is_output(server: Server) -> None:
    @tool
    def search(word: str) -> str:
        """Search."""
        write = get_stream_writer()
        write("looking\nfurther")
        write({"found": 3, "by": "é"})
        return "3"

    server.script(calls("search", word="x"), says("Three."))
    events = await collect(agent(server, search))
    assert pick(events, OutputReceived) == [
        OutputReceived("looking", "custom"),
        OutputReceived("further", "custom"),
        OutputReceived('{"found": 3, "by": "é"}', "custom"),
    ]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"disable_streaming": True}, "disable_streaming=True"),
        ({"streaming": False}, "streaming=False, or its class cannot stream"),
    ],
)
async def test_a_model_that_does_not_stream_is_noted_once(
    server: Server, options: dict[str, Any], why: str
) -> None:
    server.script(*[completion(role="assistant", content="Whole.")] * 2)
    play = GraphPlay(create_agent(open_model(server, **options), [add]))
    events = await collect(play)
    assert notices(events) == [f"nothing streamed: the model sends its messages whole ({why})"]
    assert pick(events, TextDelta) == [TextDelta("Whole.")]
    assert [each.finish_reason for each in pick(events, StepFinished)] == ["stop"]
    assert notices(await collect(play)) == []


async def test_a_model_that_is_tagged_not_to_stream_is_seen_when_its_node_returns(
    server: Server,
) -> None:
    model = open_model(server).with_config(tags=["nostream"])

    async def speak(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("speak", speak).add_edge(START, "speak").compile()
    server.script(says("Who", "le."))
    events = await collect(graph)
    assert notices(events) == [
        "nothing streamed: the model sends its messages whole (it is tagged nostream)"
    ]
    assert pick(events, StepStarted) == [StepStarted(1)]
    assert len(pick(events, StepFinished)) == 1


def responses(*events: dict[str, Any]) -> Reply:
    """A reply of OpenAI's newer API."""
    parts = (f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)
    return Reply(tuple(parts), finish_reason=None, done=False)


async def test_chunks_with_different_ids_are_one_message(server: Server) -> None:
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "status": "completed",
    }
    at = {"output_index": 0, "content_index": 0, "item_id": "msg_1", "logprobs": []}
    usage = {
        "input_tokens": 5,
        "output_tokens": 2,
        "total_tokens": 7,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    server.script(
        responses(
            {"type": "response.created", "response": response},
            {"type": "response.output_text.delta", "delta": "He", **at},
            {"type": "response.output_text.delta", "delta": "llo.", **at},
            {"type": "response.completed", "response": response | {"usage": usage}},
        )
    )
    graph = create_agent(open_model(server, use_responses_api=True), [add])
    events = await collect(graph)
    assert pick(events, TextDelta) == [TextDelta("He"), TextDelta("llo.")]
    assert pick(events, StepStarted) == [StepStarted(1)]
    (finished,) = pick(events, StepFinished)
    assert (finished.input_tokens, finished.output_tokens) == (5, 2)
    assert events[-1] == TurnDone("Hello.", ())


async def test_a_message_without_a_model_is_noted() -> None:
    def echo(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("Hello.")]}

    graph = StateGraph(MessagesState).add_node("echo", echo).add_edge(START, "echo").compile()
    events = await collect(graph)
    assert notices(events) == [
        "nothing streamed: node echo returned its message without a LangChain model"
    ]
    assert fold(events).answer.text == "Hello."
    assert not pick(events, StepStarted, StepFinished)


async def test_a_model_called_in_a_synchronous_node_streams(server: Server) -> None:
    model = open_model(server)

    def speak(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("speak", speak).add_edge(START, "speak").compile()
    server.script(says("He", "llo."))
    assert pick(await collect(graph), TextDelta) == [TextDelta("He"), TextDelta("llo.")]


async def test_every_chunk_is_shown_if_asked_for(server: Server) -> None:
    server.script(calls("add", ['{"x": 1, ', '"y": 2}']), says("3."))
    chunks = pick(await collect(agent(server), raw=True), ChunkReceived)
    assert [line for chunk in chunks for line in chunk.lines() if line.startswith("arg")] == [
        'arg: {"x": 1, ',
        'arg: "y": 2}',
    ]


async def test_a_cancelled_turn_closes_the_connection(server: Server) -> None:
    server.script(says("One ").but(parts=(*says("One ").parts, NEVER)))
    emit = Emitted()
    task = asyncio.create_task(GraphPlay(agent(server)).answer(Request("?"), emit))
    await emit.wait_for_event(TextDelta("One "))
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert await asyncio.to_thread(server.disconnected.wait, 60)


async def test_a_models_error_is_raised(server: Server) -> None:
    server.script(fails(401, "wrong key"))
    with pytest.raises(Exception, match="wrong key"):
        await collect(agent(server))


async def test_a_message_that_breaks_off_is_shown_and_the_next_try_too(server: Server) -> None:
    server.script(says("One ").but(parts=(*says("One ").parts, Hangup())), says("Two."))
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False)
    turn = await play_turn(agent(server, middleware=[retry]))
    assert turn.answer.text == "Two."
    assert texts(turn)[0].startswith("One ")


# Input and output without messages


async def test_a_question_goes_into_the_key_that_takes_it(server: Server) -> None:
    class State(TypedDict):
        question: str
        notes: list[str]
        answer: str

    model = open_model(server)

    async def reply(state: State) -> dict[str, Any]:
        reply = await model.ainvoke(state["question"])
        return {"answer": f"{reply.text} Really."}

    graph = StateGraph(State).add_node("reply", reply).add_edge(START, "reply").compile()
    server.script(says("Twenty."))
    events = await collect(graph)
    assert said(server) == ["user: What is 10 + 10?"]
    assert events[-1].answer == "Twenty. Really."


async def test_a_graph_that_takes_no_question_names_its_keys() -> None:
    class State(TypedDict):
        left: str
        right: str
        count: int

    def work(state: State) -> dict[str, Any]:
        return {"count": 1}

    graph = StateGraph(State).add_node("work", work).add_edge(START, "work").compile()
    with pytest.raises(AgentError, match="its input has the keys left, right, count; give it"):
        GraphPlay(graph)


async def test_a_function_is_asked_in_text(server: Server) -> None:
    model = open_model(server)

    @entrypoint()
    async def reply(question: str) -> str:
        return str((await model.ainvoke(question)).text)

    server.script(says("Twenty."))
    assert (await play_turn(reply)).answer.text == "Twenty."


async def test_a_graph_that_says_nothing_has_no_answer() -> None:
    def work(state: MessagesState) -> dict[str, Any]:
        return {}

    graph = StateGraph(MessagesState).add_node("work", work).add_edge(START, "work").compile()
    with pytest.raises(AgentError, match="the graph ended without an answer"):
        await collect(graph)


async def test_what_an_agent_is_and_has_can_be_seen(server: Server) -> None:
    play = GraphPlay(two_nodes(server))
    assert (play.name, play.checkpointer) == ("LangGraph graph", "")
    assert list(play.nodes) == ["planner", "work"]
    (info,) = play.tools
    assert (info.name, info.parameters, info.description) == ("add", ("x", "y"), "Add two numbers.")
    assert GraphPlay(agent(server)).name == "LangGraph graph (create_agent)"
