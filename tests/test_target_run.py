"""A turn of the user's agent, whatever its code does."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamchat.agent.source import Exchange, Request
from streamchat.agent.target.run import ThreadRun
from streamchat.events import (
    Event,
    Notice,
    OutputReceived,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.text.redact import Redactor
from tests.targets import collect, keep_imports, load, loaded, write_executor

ANY_TIME = pytest.approx(0, abs=600)


class Gate(threading.Event):
    """What the user's code waits for. `reached` is set once it does."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    async def wait_until_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, 300)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with keep_imports():
        yield tmp_path


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate that the user's code finds as `sys.gate`; open in the end."""
    gate = Gate()
    monkeypatch.setattr(sys, "gate", gate, raising=False)
    yield gate
    gate.set()


BLOCKING = """
import sys

def slow_tool():
    sys.gate.reached.set()
    sys.gate.wait(300)
"""
"""A tool that blocks as `time.sleep` does, until the test opens the gate."""


async def rest(run: ThreadRun) -> list[Event]:
    return [event async for event in run]


async def test_a_turn_ends_once(folder: Path) -> None:
    write_executor(folder / "mine.py", "return f'You said {input}.'")
    async with loaded("mine.py:agent") as source:
        run = source.start(Request("Hi"))
        assert await rest(run) == [
            TurnStarted("Hi", "mine.py:agent"),
            TurnDone("You said Hi.", (), ANY_TIME),
        ]
        run.cancel()  # too late
        await run.aclose()
        assert run.error is None


async def test_turns_share_a_loop(folder: Path) -> None:
    # Clients of HTTP are tied to the loop they were first used on.
    write_executor(
        folder / "mine.py", "return id(asyncio.get_running_loop())", before="import asyncio"
    )
    ends = []
    for _ in range(2):  # and loaded again, too: LangChain keeps such clients for all its models
        async with loaded("mine.py:agent") as source:
            ends += [(await collect(source))[-1] for _ in range(2)]
    answers = {end.answer for end in ends if isinstance(end, TurnDone)}
    assert len(ends) == 4
    assert len(answers) == 1


async def test_an_exception_is_one_line_and_a_traceback(folder: Path) -> None:
    write_executor(
        folder / "mine.py", "divide(1, 0)", before="def divide(x, y):\n    return x / y\n"
    )
    async with loaded("mine.py:agent") as source:
        run = source.start(Request("Hi"))
        assert (await rest(run))[-1] == TurnFailed("ZeroDivisionError: division by zero", ANY_TIME)
        assert isinstance(run.error, ZeroDivisionError)
        frames = re.findall(r'File "(.*)", line \d+, in (\w+)', source.traceback)
        assert frames == [("mine.py", "invoke"), ("mine.py", "divide")]


async def test_a_success_clears_the_traceback(folder: Path) -> None:
    write_executor(folder / "mine.py", "return 'x' if input == 'work' else 1 / 0")
    async with loaded("mine.py:agent") as source:
        await collect(source, "fail")
        assert source.traceback
        await collect(source, "work")
        assert not source.traceback


async def test_a_group_of_one_exception_is_that_exception(folder: Path) -> None:
    write_executor(folder / "mine.py", "raise ExceptionGroup('many', [KeyError('x')])")
    async with loaded("mine.py:agent") as source:
        assert (await collect(source))[-1] == TurnFailed("KeyError: 'x'", ANY_TIME)


@pytest.mark.parametrize(
    "line",
    [
        "sys.exit('bye')",
        "raise KeyboardInterrupt('bye')",
        "await asyncio.create_task(exits())",
        "await asyncio.to_thread(sys.exit, 'bye')",
    ],
)
async def test_code_that_exits_ends_only_its_turn(folder: Path, line: str) -> None:
    write_executor(
        folder / "mine.py",
        f"if input == 'exit': {line}",
        "return 'still here'",
        before="import asyncio, sys\n\nasync def exits():\n    raise SystemExit('bye')\n",
    )
    async with loaded("mine.py:agent") as source:
        end = (await collect(source, "exit"))[-1]
        assert isinstance(end, TurnFailed)
        assert "bye" in end.error
        assert (await collect(source))[-1] == TurnDone("still here", (), ANY_TIME)


async def test_code_that_cancels_itself_fails(folder: Path) -> None:
    write_executor(
        folder / "mine.py",
        "asyncio.current_task().cancel()",
        "await asyncio.sleep(0)",
        before="import asyncio",
    )
    async with loaded("mine.py:agent") as source:
        end = (await collect(source))[-1]
    assert end == TurnFailed("the agent's code cancelled its own turn", ANY_TIME)


async def test_a_blocked_loop_does_not_hold_up_a_cancellation(folder: Path, gate: Gate) -> None:
    write_executor(folder / "mine.py", "print('so far')", "slow_tool()", before=BLOCKING)
    source = await load("mine.py:agent")
    run = source.start(Request("Hi"))
    events = aiter(run)
    assert isinstance(await anext(events), TurnStarted)
    assert await anext(events) == OutputReceived("so far")
    await gate.wait_until_reached()
    run.cancel()
    run.cancel()
    # The gate is still shut.
    assert [event async for event in events] == [TurnCancelled(ANY_TIME)]
    await run.aclose()
    assert run.error is None
    gate.set()
    await source.aclose()


async def test_what_happens_after_a_cancellation_is_not_shown(folder: Path, gate: Gate) -> None:
    write_executor(
        folder / "mine.py", "slow_tool()", "streamer.close(None)", "return 'late'", before=BLOCKING
    )
    async with loaded("mine.py:agent") as source:
        run = source.start(Request("Hi"))
        await gate.wait_until_reached()
        run.cancel()
        gate.set()
        assert await rest(run) == [TurnStarted("Hi", "mine.py:agent"), TurnCancelled(ANY_TIME)]


async def test_a_cancelled_turn_cleans_up(folder: Path) -> None:
    write_executor(
        folder / "mine.py",
        "print('waiting')",
        "try: await asyncio.sleep(600)",
        "finally: pathlib.Path('state').write_text('clean')",
        before="import asyncio, pathlib",
    )
    async with loaded("mine.py:agent") as source:
        run = source.start(Request("Hi"))
        events = aiter(run)
        while not isinstance(await anext(events), OutputReceived):
            pass
        run.cancel()
        await run.aclose()
    assert (folder / "state").read_text() == "clean"


async def test_the_next_turn_waits_for_the_one_before(folder: Path, gate: Gate) -> None:
    write_executor(
        folder / "mine.py", "if input == 'block': slow_tool()", "return 'x'", before=BLOCKING
    )
    async with loaded("mine.py:agent") as source:
        first = source.start(Request("block"))
        await gate.wait_until_reached()
        first.cancel()
        second = source.start(Request("Hi"))
        events = aiter(second)
        assert isinstance(await anext(events), TurnStarted)
        gate.set()
        assert [event async for event in events][-1] == TurnDone("x", (), ANY_TIME)


async def test_a_turn_behind_one_that_hangs_says_so(folder: Path, gate: Gate) -> None:
    write_executor(folder / "mine.py", "slow_tool()", "return 'x'", before=BLOCKING)
    source = await load("mine.py:agent")
    first = source.start(Request("Hi"))
    await gate.wait_until_reached()
    first.cancel()
    end = (await collect(source))[-1]
    assert end == TurnFailed(
        "the turn before has not ended yet: it is in slow_tool (mine.py:6); "
        "/reload starts the agent anew",
        ANY_TIME,
    )
    # And so does the one after it.
    assert isinstance((await collect(source))[-1], TurnFailed)
    # A new agent has a thread of its own.
    write_executor(folder / "mine.py", "return 'new'")
    async with loaded("mine.py:agent") as again:
        assert (await collect(again))[-1] == TurnDone("new", (), ANY_TIME)
    gate.set()
    await source.aclose()


async def test_a_turn_without_progress_fails(folder: Path) -> None:
    write_executor(folder / "mine.py", "await asyncio.sleep(600)", before="import asyncio")
    async with loaded("mine.py:agent", timeout=0.2) as source:
        assert await collect(source) == [
            TurnFailed("timed out: no answer from mine.py:agent for 0.2 s (--timeout)", ANY_TIME)
        ]


async def test_a_turn_that_stops_says_what_is_missing(folder: Path) -> None:
    write_executor(
        folder / "mine.py", "print('so far')", "await asyncio.sleep(600)", before="import asyncio"
    )
    async with loaded("mine.py:agent", timeout=3) as source:
        end = (await collect(source))[-1]
    assert isinstance(end, TurnFailed)
    assert end.error.startswith("timed out: nothing new from mine.py:agent")


async def test_a_time_out_names_what_blocks(folder: Path, gate: Gate) -> None:
    write_executor(folder / "mine.py", "slow_tool()", before=BLOCKING)
    source = await load("mine.py:agent", timeout=3)
    assert (await collect(source))[-1] == TurnFailed(
        "timed out: no answer from mine.py:agent for 3 s; it is in slow_tool (mine.py:6) "
        "(--timeout)",
        ANY_TIME,
    )
    gate.set()
    await source.aclose()


async def test_what_blocks_the_loop_for_long_is_named_once(folder: Path, gate: Gate) -> None:
    write_executor(folder / "mine.py", "slow_tool()", "return 'x'", before=BLOCKING)
    async with loaded("mine.py:agent") as source:
        run = source.start(Request("Hi"))
        await gate.wait_until_reached()
        while not run.heartbeat.blocked_in:  # noqa: ASYNC110  # another thread is looked at
            await asyncio.sleep(0.05)
        gate.set()
        texts = [event.text async for event in run if isinstance(event, Notice)]
    [text] = [text for text in texts if "blocked" in text]
    assert re.fullmatch(
        r"slow_tool \(mine\.py:6\) blocked the event loop for [\d.]+ s; nothing streams meanwhile",
        text,
    )


async def test_secrets_are_redacted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "sesame-open")
    write_executor(
        folder / "mine.py",
        "print('printed sesame-open')",
        "raise ValueError('raised sesame-open')",
    )
    async with loaded("mine.py:agent", redactor=Redactor()) as source:
        run = source.start(Request("Is it sesame-open?"))
        assert await rest(run) == [
            TurnStarted("Is it ses***?", "mine.py:agent"),
            OutputReceived("printed ses***"),
            TurnFailed("ValueError: raised ses***", ANY_TIME),
        ]
        assert run.error is None
        assert "ValueError: raised ses***" in source.traceback


async def test_many_events_arrive_in_order_and_leave_room_for_others(folder: Path) -> None:
    write_executor(folder / "mine.py", "for number in range(500): print(number)", "return 'x'")
    async with loaded("mine.py:agent") as source:
        run = source.start(Request("Hi"))
        steps, numbers = 0, []

        async def live() -> None:
            nonlocal steps
            while True:
                steps += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(live())
        async for event in run:
            if isinstance(event, OutputReceived):
                numbers.append(event.text)
        other.cancel()
    assert numbers == [str(number) for number in range(500)]
    assert steps > 500 / 20


async def test_history_reaches_the_agent(folder: Path) -> None:
    write_executor(
        folder / "mine.py",
        "return str([message.content for message in self.chat_history])",
    )
    text = (folder / "mine.py").read_text()
    (folder / "mine.py").write_text(
        text.replace("class Executor:", "class Executor:\n    chat_history = []")
    )
    async with loaded("mine.py:agent") as source:
        end = (await collect(source, history=[Exchange("Hi", "Hello!")]))[-1]
    assert end == TurnDone("['Hi', 'Hello!']", (), ANY_TIME)
