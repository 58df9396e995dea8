"""Several runs of one source at once: none learns of another what is not its business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streamchat.agent.executor_source import ExecutorSource
from streamchat.agent.loader import open_source
from streamchat.agent.source import Approval, ClientTool, Request, Run
from streamchat.agent.target.output import OutputRelay, make_context
from streamchat.config import Settings
from streamchat.events import (
    ApprovalRequested,
    Event,
    Notice,
    OutputReceived,
    TextDelta,
    ToolFinished,
    TurnDone,
    TurnFailed,
)
from streamchat.models.openai_compatible import CompatibleChatOpenAI
from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.redact import Redactor
from tests.server import Pause, Server, calls, delta, fails, says
from tests.targets import keep_imports, loaded, write, write_executor

TOOLS = """
    import asyncio, threading

    both = threading.Barrier(2, timeout=60)

    def tell(name: str) -> str:
        '''Tell a name.'''
        print(f"{name} begins", end="")
        both.wait()
        print(" and ends")
        return name

    async def tell_later(name: str) -> str:
        '''Tell a name, too.'''
        print(f"{name} begins", end="")
        await asyncio.to_thread(both.wait)
        print(" and ends")
        return name
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with keep_imports():
        yield tmp_path


@asynccontextmanager
async def opened(server: Server, **settings: object) -> AsyncIterator[ExecutorSource]:
    values = {"model": "m", "base_url": server.url, "api_key": "sk-test-0123"} | settings
    work = Settings(**values), Redactor()  # type: ignore[arg-type]
    source = await run_in_daemon_thread(lambda: open_source(*work, tools=True))
    try:
        yield source
    finally:
        await source.aclose()


async def finish(run: Run) -> list[Event]:
    events = [event async for event in run]
    await run.aclose()
    return events


def printed(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, OutputReceived)]


@pytest.mark.parametrize("tool", ["tell", "tell_later"])
async def test_each_run_has_what_its_own_tools_print(
    server: Server, folder: Path, tool: str
) -> None:
    write(folder / "mine.py", TOOLS)
    server.script(calls(tool, name="one"), calls(tool, name="other"), says("Yes."), says("Yes."))
    async with opened(server, tools=("mine.py",), allow=("*",)) as source:
        runs = [source.start(Request("Hi", alone=True)) for _ in range(2)]
        turns = await asyncio.gather(*map(finish, runs))
    for events in turns:
        (name,) = [event.output for event in events if isinstance(event, ToolFinished)]
        assert printed(events) == [f"{name} begins and ends"]


async def test_what_one_user_always_allows_is_not_allowed_for_another(
    server: Server, folder: Path
) -> None:
    write(folder / "mine.py", "def peek() -> str:\n    '''Peek.'''\n    return 'seen'\n")
    server.script(calls("peek"), says("Yes."), calls("peek"), says("No."))
    async with opened(server, tools=("mine.py",)) as source:
        first = source.start(Request("Hi", approves=True, alone=True))
        async for event in first:
            if isinstance(event, ApprovalRequested):
                first.decide(event.call_id, Approval(True, always=True))
        await first.aclose()
        second = await finish(source.start(Request("Hi", alone=True)))
    (refused,) = [event for event in second if isinstance(event, ToolFinished)]
    assert refused.failed
    assert "nobody can be asked" in refused.output


async def test_a_model_waits_for_a_slow_reader_and_that_is_no_time_out(server: Server) -> None:
    words = [delta(content=f"{number} ") for number in range(50)]
    server.script(says("").but(parts=(*words, Pause(0.1), *words)))
    async with opened(server, timeout=4) as source:
        run = source.start(Request("Hi", room=5, alone=True))
        events = aiter(run)
        for _ in range(3):
            await anext(events)
        await asyncio.sleep(4.5)  # longer than the model may take
        rest = [event async for event in events]
        await run.aclose()
    assert isinstance(rest[-1], TurnDone)
    assert rest[-1].answer.count("49") == 2


async def test_runs_of_an_agent_do_not_wait_for_each_other(folder: Path) -> None:
    write_executor(
        folder / "mine.py",
        "global asked",
        "asked += 1",
        "print(input, 'begins', end='')",
        "while asked < 2:",
        "    await asyncio.sleep(0.01)",
        "await asyncio.to_thread(print, '', input, 'is elsewhere')",
        "print(' and ends')",
        "return input",
        before="import asyncio\nasked = 0",
    )
    play = "NotebookPlay"
    async with loaded("mine.py:agent") as source:
        assert type(source.play).__name__ == play
        source.play._one_by_one = _Free()  # type: ignore[attr-defined]  # it has no history
        runs = [source.start(Request(name, alone=True)) for name in ("one", "other")]
        turns = await asyncio.wait_for(asyncio.gather(*map(finish, runs)), 60)
    for name, events in zip(("one", "other"), turns, strict=True):
        assert isinstance(events[-1], TurnDone)
        assert sorted(printed(events)) == [f" {name} is elsewhere", f"{name} begins and ends"]


class _Free:
    async def acquire(self) -> None: ...

    def release(self) -> None: ...


async def test_an_executor_with_one_history_answers_one_by_one(folder: Path) -> None:
    write_executor(
        folder / "mine.py",
        "global running",
        "running += 1",
        "await asyncio.sleep(0.05)",
        "assert running == 1",
        "running -= 1",
        "return input",
        before="import asyncio\nrunning = 0",
    )
    async with loaded("mine.py:agent") as source:
        runs = [source.start(Request(str(number), alone=True)) for number in range(5)]
        turns = await asyncio.gather(*map(finish, runs))
    assert [events[-1].answer for events in turns] == list("01234")  # type: ignore[union-attr]


@pytest.mark.parametrize("agent", ["model", "create_agent(model)"])
async def test_an_agent_s_model_waits_for_a_slow_reader(
    server: Server, folder: Path, agent: str
) -> None:
    write(
        folder / "mine.py",
        f"""
        from langchain.agents import create_agent
        from langchain_openai import ChatOpenAI

        model = ChatOpenAI(model="m", base_url="{server.url}", api_key="sk-test-0123")
        agent = {agent}
        """,
    )
    server.script(says(*[f"{number} " for number in range(500)]))
    async with loaded("mine.py:agent", timeout=4) as source:
        run = source.start(Request("Hi", room=10, alone=True))
        events = aiter(run)
        await anext(events)
        while not run._room.is_missing:  # noqa: ASYNC110  # it belongs to another thread
            await asyncio.sleep(0.01)
        await asyncio.sleep(4.5)  # longer than the agent may take
        assert len(run._pending) < 20
        rest = [event async for event in events]
        await run.aclose()
    assert isinstance(rest[-1], TurnDone)
    assert sum(isinstance(event, TextDelta) for event in rest) <= 500
    assert rest[-1].answer.endswith("499 ")


async def test_a_hanging_run_is_nobody_else_s_business(folder: Path) -> None:
    write_executor(
        folder / "mine.py",
        "if input == 'hang':",
        "    try:",
        "        await asyncio.sleep(600)",
        "    except asyncio.CancelledError:",
        "        await asyncio.sleep(600)",
        "return input",
        before="import asyncio",
    )
    async with loaded("mine.py:agent") as source:
        source.play._one_by_one = _Free()  # type: ignore[attr-defined]
        hanging = source.start(Request("hang", alone=True))
        await anext(aiter(hanging))
        await hanging.aclose()
        events = await finish(source.start(Request("Hi", alone=True)))
        assert not isinstance(events[-1], TurnFailed)


def test_lines_of_nobody_are_kept() -> None:
    relay = OutputRelay()
    taken: list[OutputReceived] = []
    context = make_context(lambda line: not taken.append(line))
    relay.write("half", "stdout")
    context.run(relay.write, "mine\nrest", "stdout")
    relay.write(" and half\n", "stdout")
    context.run(relay.flush)
    assert [line.text for line in taken] == ["mine", "rest"]
    assert [line.text for line in relay.take_lines()] == ["half and half"]


async def test_all_runs_adapt_to_a_server_that_refuses_an_option(server: Server) -> None:
    refusal = fails(400, "Unsupported value: 'tool_choice' does not support 'required'")
    server.script(refusal, refusal, says("Yes."), says("Yes."), says("Yes."))
    async with opened(server) as source:
        runs = [source.start(Request("Hi", alone=True)) for _ in range(2)]
        turns = await asyncio.gather(*map(finish, runs))
        assert all(isinstance(events[-1], TurnDone) for events in turns)
        later = await finish(source.start(Request("Hi", alone=True)))
    assert not any(isinstance(event, Notice) for event in later)
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    "client_tools", [(), (ClientTool("paint", "Paint it.", {"type": "object", "properties": {}}),)]
)
async def test_a_model_that_answers_one_at_a_time_lets_the_others_wait(
    server: Server, monkeypatch: pytest.MonkeyPatch, client_tools: Sequence[ClientTool]
) -> None:
    monkeypatch.setattr(CompatibleChatOpenAI, "slots", asyncio.Semaphore(1), raising=False)
    words = [part for _ in range(6) for part in (delta(content="a "), Pause(0.8))]
    server.script(*[says("").but(parts=words)] * 2)
    async with opened(server, timeout=4) as source:  # less than one of them takes
        runs = [
            source.start(Request("Hi", alone=True, client_tools=client_tools)) for _ in range(2)
        ]
        turns = await asyncio.gather(*map(finish, runs))
    assert all(isinstance(events[-1], TurnDone) for events in turns)
    waited = [e for events in turns for e in events if isinstance(e, Notice)]
    assert [each.text for each in waited] == ["the model is answering others first"]
