"""Executors like the notebook's, asked as their author wrote them."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool

from streamchat import AgentExecutor, QueueCallbackHandler
from streamchat.agent.errors import AgentError
from streamchat.agent.target.notebook import NotebookPlay
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    Event,
    Notice,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnDone,
    TurnStarted,
)
from streamchat.models.openai_compatible import connect
from tests.plays import (
    OPEN,
    Emitted,
    ask,
    close_models,
    collect,
    exchanges,
    join,
    open_model,
    pick,
    play_turn,
    sent,
)
from tests.server import (
    NOTEBOOK_ARGUMENTS,
    Hangup,
    Reply,
    Server,
    Until,
    answers,
    calls,
    fails,
    notebook,
    says,
)

NOTEBOOK = Path(__file__).with_name("notebook_executor.txt")


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await close_models()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for many examples: the model's connections belong to it."""
    with asyncio.Runner() as running:
        yield running
        running.run(close_models())


@pytest.fixture
def executor(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The executor of the notebook, class and tools as printed there."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    module: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(NOTEBOOK.read_text(encoding="utf-8"), str(NOTEBOOK), "exec"), module)
    OPEN.append(module["llm"].default)
    return module["agent_executor"]


async def test_the_notebook_s_executor_works_unchanged(server: Server, executor: Any) -> None:
    server.script(*notebook())
    events = await collect(NotebookPlay(executor))
    fragments = [
        each.fragment for each in pick(events, ArgumentsDelta) if each.call_id == "call_add"
    ]
    assert fragments == list(NOTEBOOK_ARGUMENTS)
    assert join(events, AnswerDelta) == "10 + 10 equals 20."
    assert pick(events, ToolStarted)[0] == ToolStarted("call_add", {"x": 10, "y": 10})
    results = [(each.call_id, each.output) for each in pick(events, ToolFinished)]
    assert results == [("call_add", "20"), ("call_final_answer", "")]
    assert events[-1] == TurnDone("10 + 10 equals 20.", ("functions.add",))
    steps = [(type(each), each.step) for each in pick(events, StepStarted, StepFinished)]
    assert steps == [(StepStarted, 1), (StepFinished, 1), (StepStarted, 2), (StepFinished, 2)]


async def test_a_call_starts_with_its_message_and_ends_before_the_next(
    server: Server, executor: Any
) -> None:
    server.script(*notebook())
    kinds = [
        type(each)
        for each in pick(
            await collect(NotebookPlay(executor)),
            StepStarted,
            StepFinished,
            ToolStarted,
            ToolFinished,
        )
    ]
    step = [StepStarted, StepFinished, ToolStarted]
    assert kinds == [StepStarted, StepFinished, ToolStarted, ToolFinished, *step, ToolFinished]


async def test_what_the_turn_looks_like(server: Server, executor: Any) -> None:
    server.script(calls("add", x=1, y=2), answers("It is 3.", tools_used=["add"]))
    turn = await play_turn(NotebookPlay(executor))
    assert (turn.answer.text, turn.tools_used, turn.step) == ("It is 3.", ("add",), 2)
    assert (turn.call("call_add").state, turn.call("call_add").output) == ("done", "3")


async def test_the_executor_gets_the_conversation_s_history(server: Server, executor: Any) -> None:
    server.script(answers("Blue."), answers("Red."), answers("So."))
    play = NotebookPlay(executor)
    await collect(play, "Sky?")
    await collect(play, "Blood?", **exchanges(("Sky?", "Blue.")))
    # The conversation has been led back to its beginning.
    await collect(play, "Grass?", **exchanges(("Snow?", "White.")))
    assert sent(server)[1:] == [("user", "Snow?"), ("assistant", "White."), ("user", "Grass?")]
    assert [type(each) for each in executor.chat_history] == [HumanMessage, AIMessage] * 2


async def test_reaching_the_step_limit_is_an_error_like_any_other(
    server: Server, executor: Any
) -> None:
    server.script(*[calls("add", x=1.5, y=1)] * 3)
    emit = Emitted()
    with pytest.raises(TypeError, match="'float' object is not subscriptable"):
        await ask(NotebookPlay(executor), "?", emit)
    assert len(pick(emit.events, StepFinished)) == 3
    # The same ID and the same result again and again are still different calls.
    ids = [each.call_id for each in pick(emit.events, ToolFinished)]
    assert ids == ["call_add", "call_add_1"]


async def test_a_tool_that_raises_and_a_server_that_fails_end_the_turn(
    server: Server, executor: Any
) -> None:
    server.script(calls("divide", x=1, y=0))
    with pytest.raises(KeyError, match="divide"):
        await ask(NotebookPlay(executor), "?", Emitted())
    server.script(fails(400, "no such thing"))
    with pytest.raises(Exception, match="no such thing"):
        await ask(NotebookPlay(executor), "?", Emitted())


async def test_a_call_cut_off_in_its_arguments_that_ran_is_told(
    server: Server, executor: Any
) -> None:
    cut = calls("multiply", ['{"x": 3, "y": 4']).but(finish_reason="length")
    server.script(cut, answers("12."))
    events = await collect(NotebookPlay(executor))
    assert pick(events, Notice) == [
        Notice('multiply ran although its arguments were cut off: {"x": 3, "y": 4')
    ]
    assert [each.call_id for each in pick(events, ToolStarted)] == ["call_final_answer"]


async def test_cancelling_stops_the_request(server: Server, executor: Any) -> None:
    held = threading.Event()
    begun = calls("add", ['{"x": 1'])
    server.script(begun.but(parts=(*begun.parts, Until(held))))
    emit = Emitted()
    task = asyncio.create_task(ask(NotebookPlay(executor), "?", emit))
    await emit.wait_for(ArgumentsDelta)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    held.set()


class Sayer:
    """An executor without tools or memory, which returns whatever it is made with."""

    def __init__(self, llm: Any, returned: object) -> None:
        self.llm = llm
        self.returned = returned

    async def invoke(self, input: str, streamer: QueueCallbackHandler) -> Any:
        stream = self.llm.with_config(callbacks=[streamer]).astream(input)
        [chunk async for chunk in stream]
        return self.returned


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        ({"answer": "Blue.", "tools_used": []}, "Blue."),
        ({"output": "Blue."}, "Blue."),
        ({"answer": AIMessage("Blue.")}, "Blue."),
        ("Blue.", "Blue."),
        (AIMessage("Blue."), "Blue."),
        (None, "It is blue."),
        ({}, "It is blue."),
    ],
)
async def test_forms_of_answers(server: Server, returned: object, answer: str) -> None:
    server.script(says("It is ", "blue."))
    events = await collect(NotebookPlay(Sayer(open_model(server), returned)))
    assert join(events, TextDelta) == "It is blue."
    assert events[-1] == TurnDone(answer)


async def test_an_executor_without_an_answer_fails_in_one_line(server: Server) -> None:
    server.script(says(""))
    with pytest.raises(AgentError, match=r"Sayer.invoke returned no answer"):
        await ask(NotebookPlay(Sayer(open_model(server), None)), "?", Emitted())


async def test_memory_of_its_own_is_told_once_the_conversation_leaves_it(server: Server) -> None:
    server.script(says("Yes."), forever=True)
    play = NotebookPlay(Sayer(open_model(server), None))
    assert not pick(await collect(play, "1"), Notice)
    assert not pick(await collect(play, "2", questions=["1"]), Notice)
    (notice,) = pick(await collect(play, "3", questions=["1"]), Notice)
    assert notice.text.startswith("Sayer keeps its own memory")
    assert not pick(await collect(play, "4"), Notice)


async def test_a_synchronous_executor_is_refused_with_what_would_do() -> None:
    class Old:
        def invoke(self, input: str) -> dict[str, Any]:
            raise AssertionError

    class Late:
        def invoke(self, input: str, streamer: QueueCallbackHandler) -> dict[str, Any]:
            return {"answer": ""}

    with pytest.raises(AgentError, match=r"Old.invoke takes no streamer: make it `async def"):
        NotebookPlay(Old())
    with pytest.raises(AgentError, match=r"Late.invoke is synchronous: make it `async def"):
        await ask(NotebookPlay(Late()), "?", Emitted())


class Reader(Sayer):
    """Reads the streamer itself."""

    def __init__(self, llm: Any) -> None:
        super().__init__(llm, None)
        self.read: list[Event] = []
        self.task: asyncio.Task[None] | None = None

    async def invoke(self, input: str, streamer: QueueCallbackHandler) -> Any:
        self.task = asyncio.create_task(self._read(streamer))
        return await super().invoke(input, streamer)

    async def _read(self, streamer: QueueCallbackHandler) -> None:
        self.read = [event async for event in streamer]


async def test_the_streamer_s_own_queue_is_filled_and_ended(server: Server) -> None:
    server.script(says("It is ", "blue."))
    executor = Reader(open_model(server))
    events = await collect(NotebookPlay(executor))
    assert executor.task
    await executor.task
    assert executor.read == events[1:]


class Caller:
    """Runs its tools as LangChain means it: with the callbacks."""

    def __init__(self, llm: Any, tools: list[Any]) -> None:
        self.tools = tools
        self.llm = llm.bind_tools(tools)

    async def invoke(self, input: str, streamer: QueueCallbackHandler) -> str:
        messages: list[BaseMessage] = [HumanMessage(input)]
        config: Any = {"callbacks": [streamer]}
        while True:
            said = await self.llm.ainvoke(messages, config)
            messages.append(said)
            if not said.tool_calls:
                return str(said.content)
            for call in said.tool_calls:
                tool = next(each for each in self.tools if each.name == call["name"])
                messages.append(await tool.ainvoke(call, config))


@tool
async def divide(x: float, y: float) -> float:
    """Divide x by y."""
    return x / y


divide.handle_tool_error = True


async def test_tools_run_with_callbacks_are_seen_to_run(server: Server) -> None:
    server.script(calls("divide", x=1, y=2) + calls("divide", x=3, y=2, id="b"), says("Done."))
    play = NotebookPlay(Caller(open_model(server, streaming=True), [divide]))
    assert [each.name for each in play.tools] == ["divide"]
    events = await collect(play)
    started = [(each.call_id, each.arguments) for each in pick(events, ToolStarted)]
    assert started == [("call_divide", {"x": 1, "y": 2}), ("b", {"x": 3, "y": 2})]
    results = [(each.call_id, each.output, each.failed) for each in pick(events, ToolFinished)]
    assert results == [("call_divide", "0.5", False), ("b", "1.5", False)]
    assert events[-1] == TurnDone("Done.", ("divide",))


async def test_a_tool_seen_to_fail_has_failed(server: Server) -> None:
    server.script(calls("divide", x=1, y=0))
    emit = Emitted()
    with pytest.raises(ZeroDivisionError):
        await ask(NotebookPlay(Caller(open_model(server, streaming=True), [divide])), "?", emit)
    (finished,) = pick(emit.events, ToolFinished)
    assert (finished.failed, finished.output) == (True, "ZeroDivisionError: float division by zero")


async def test_a_message_that_breaks_off_ends_its_calls(server: Server, executor: Any) -> None:
    server.script(Reply((*calls("add", ['{"x": 1']).parts, Hangup())))
    emit = Emitted()
    with pytest.raises(Exception, match="Connection error"):
        await ask(NotebookPlay(executor), "?", emit)
    (finished,) = pick(emit.events, ToolFinished)
    assert (finished.failed, finished.output) == (True, "not run: the message is incomplete")


async def test_an_executor_may_hand_the_streamer_to_streamchat_s_own(server: Server) -> None:
    class Wrapper:
        def __init__(self) -> None:
            llm = connect("m", base_url=server.url, api_key="sk", temperature=0, timeout=60)
            self.inner = AgentExecutor(llm)

        async def invoke(self, input: str, streamer: QueueCallbackHandler) -> dict[str, Any]:
            return await self.inner.invoke(input, streamer)

    server.script(*notebook())
    wrapper = Wrapper()
    events = await collect(NotebookPlay(wrapper))
    await wrapper.inner.aclose()
    assert join(events, AnswerDelta) == "10 + 10 equals 20."
    assert [each.output for each in pick(events, ToolFinished)] == ["20", ""]
    assert len(pick(events, TurnDone)) == len(pick(events, TurnStarted)) == 1


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip),
    st.lists(st.integers(0, 40), max_size=8),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_answer_streams_however_it_is_split(
    server: Server, executor: Any, runner: asyncio.Runner, answer: str, cuts: Sequence[int]
) -> None:
    whole = json.dumps({"answer": answer, "tools_used": []})
    ends = [0, *sorted(cuts), len(whole)]
    pieces = [whole[begin:end] for begin, end in itertools.pairwise(ends)]
    server.script(calls("final_answer", pieces))
    events = runner.run(collect(NotebookPlay(executor)))
    assert join(events, AnswerDelta) == answer
    assert events[-1] == TurnDone(answer)
    assert "".join(each.fragment for each in pick(events, ArgumentsDelta)) == whole
