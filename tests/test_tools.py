"""The built-in tools, and running tools."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import date
from typing import Any

import pytest
from langchain_core.tools import BaseTool, ToolException, tool

from streamchat.tools import TOOLS, CallError, check_arguments, final_answer, run_tool
from streamchat.tools.arithmetic import add, exponentiate, multiply, subtract

HUGE = "1" + "0" * 5000


def result(called: BaseTool, arguments: str) -> Any:
    return called.invoke(check_arguments(called, arguments))


@pytest.mark.parametrize(
    ("called", "x", "y", "expected"),
    [
        (add, "10", "10", "20"),
        (add, "0.5", "0.25", "0.75"),
        (add, "9007199254740993", "1", "9007199254740994"),
        (subtract, "3", "10", "7"),
        (subtract, "10.5", "3", "-7.5"),
        (multiply, "6", "-7", "-42"),
        (multiply, "2.5", "2", "5"),
        (exponentiate, "2", "10", "1024"),
        (exponentiate, "2", "-1", "0.5"),
        (exponentiate, "-2", "-3", "-0.125"),
        (exponentiate, "-8", "3.0", "-512"),
        (exponentiate, "0", "0", "1"),
        (exponentiate, "-1", "1e300", "1"),
        (exponentiate, "10", "-400", "0"),
        (exponentiate, "2", "0.5", "1.4142135623730951"),
        (exponentiate, "10", "300", "1" + "0" * 300),
        (multiply, "1e200", "1e100", "1e+300"),
    ],
)
def test_arithmetic(called: BaseTool, x: str, y: str, expected: str) -> None:
    assert str(result(called, f'{{"x": {x}, "y": {y}}}')) == expected


@pytest.mark.parametrize(
    ("called", "x", "y", "why"),
    [
        (exponentiate, "10", "1000000000", "too large"),
        (exponentiate, "1.0000001", "1e300", "too large"),
        (exponentiate, "-1e300", "3", "too large"),
        (exponentiate, "-8", "0.5", "no real power"),
        (exponentiate, "0", "-1", "no negative power"),
        (exponentiate, "0.0", "-0.5", "no negative power"),
        (multiply, "1e308", "10", "too large"),
        (add, "1e308", "1e308", "too large"),
        (multiply, "1" + "0" * 300, "1" + "0" * 300, "too large"),
    ],
)
def test_results_no_float_can_hold_or_no_real_number_is(
    called: BaseTool, x: str, y: str, why: str
) -> None:
    with pytest.raises(ToolException, match=why):
        result(called, f'{{"x": {x}, "y": {y}}}')


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ('{"x": NaN, "y": 1}', "NaN is not JSON"),
        ('{"x": Infinity, "y": 1}', "Infinity is not JSON"),
        ('{"x": 1e999, "y": 1}', "not valid JSON: 1e999 is too large"),
        (f'{{"x": {"1" * 400}, "y": 1}}', "x: not a finite number"),
        (f'{{"x": {HUGE}, "y": 1}}', "not valid JSON"),
        ('{"x": 10, "y": 1', "not valid JSON"),
        ("{'x': 10, 'y': 1}", "not valid JSON"),
        ('{"x": 1, "x": 2, "y": 1}', "a key is repeated"),
        ('{"x": "10", "y": 1}', "x: not a number"),
        ('{"x": true, "y": null}', "x: not a number; y: not a number"),
        ('{"x": 1}', "y: Field required"),
        ('{"x": 1, "y": 2, "z": 3}', "z: Extra inputs"),
        ("[1, 2]", "not a JSON object"),
        ("", "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_invalid_arguments_are_not_run(arguments: str, why: str) -> None:
    with pytest.raises(CallError, match=why):
        check_arguments(add, arguments)


def test_the_schema_says_which_number_is_subtracted() -> None:
    schema = subtract.args_schema.model_json_schema()  # type: ignore[union-attr]
    assert schema["properties"]["x"]["type"] == "number"
    assert "taken away" in schema["properties"]["x"]["description"]
    assert [each.name for each in TOOLS] == [
        "add",
        "subtract",
        "multiply",
        "exponentiate",
        "final_answer",
    ]


def test_final_answer_takes_a_text_and_names() -> None:
    arguments = '{"answer": "20.", "tools_used": ["add"]}'
    assert result(final_answer, arguments) == {"answer": "20.", "tools_used": ["add"]}
    with pytest.raises(CallError, match="answer: Input should be a valid string"):
        check_arguments(final_answer, '{"answer": 20, "tools_used": []}')


def test_a_strict_check_still_takes_a_date_written_as_json() -> None:
    @tool
    def weekday(day: date) -> str:
        """Name the day."""
        return day.strftime("%A")

    assert result(weekday, '{"day": "2026-11-23"}') == "Monday"
    with pytest.raises(CallError, match="day"):
        check_arguments(weekday, '{"day": "someday"}')


async def test_a_synchronous_tool_runs_beside_the_event_loop() -> None:
    @tool
    def where() -> str:
        """Name the thread."""
        return threading.current_thread().name

    assert await run_tool(where, {}) == "streamchat"


async def test_an_asynchronous_tool_runs_in_the_event_loop() -> None:
    @tool
    async def where() -> str:
        """Name the thread."""
        return threading.current_thread().name

    assert await run_tool(where, {}) == threading.current_thread().name


async def test_a_custom_tool_class_chooses_where_it_runs() -> None:
    class Sync(BaseTool):
        name: str = "sync"
        description: str = "Synchronous."

        def _run(self, **kwargs: Any) -> str:
            return threading.current_thread().name

    class Async(Sync):
        async def _arun(self, **kwargs: Any) -> str:
            return "loop"

    assert await run_tool(Sync(), {}) == "streamchat"
    assert await run_tool(Async(), {}) == "loop"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_a_tool_that_exits_the_program_only_fails(error: BaseException) -> None:
    @tool
    def rude() -> None:
        """Leave."""
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__):
        await run_tool(rude, {})


async def test_cancelling_does_not_wait_for_the_tool() -> None:
    begun, release = threading.Event(), threading.Event()

    @tool
    def stuck() -> None:
        """Hang."""
        begun.set()
        release.wait(600)

    task = asyncio.create_task(run_tool(stuck, {}))
    await asyncio.to_thread(begun.wait, 300)
    task.cancel()
    before = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - before < 300
    release.set()
