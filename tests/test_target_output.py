"""What the agent's code prints and logs."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamchat.agent.target.name import parse_target
from streamchat.agent.target.output import OutputRelay, get_relay
from streamchat.agent.target.source import TargetSource
from streamchat.config import Settings
from streamchat.events import OutputReceived, TurnDone, TurnFailed
from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.redact import Redactor
from tests.targets import collect, keep_imports, loaded, write_executor


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with keep_imports():
        yield tmp_path


async def printed(folder: Path, *lines: str, before: str = "") -> list[OutputReceived]:
    """Return what a turn of an agent with this code prints."""
    before = f"import logging, sys, threading\n{before}"
    write_executor(folder / "mine.py", *lines, "return 'x'", before=before)
    async with loaded("mine.py:agent") as source:
        events = await collect(source)
    assert isinstance(events[-1], TurnDone)
    return [event for event in events if isinstance(event, OutputReceived)]


async def test_prints_become_events(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await printed(folder, "print('one')", "print('two', file=sys.stderr)") == [
        OutputReceived("one", "stdout"),
        OutputReceived("two", "stderr"),
    ]
    assert capsys.readouterr() == ("", "")


async def test_the_program_s_own_output_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    relay = get_relay()
    print("an answer")
    print("an error", file=sys.stderr)
    assert not relay.take_lines()
    assert capsys.readouterr() == ("an answer\n", "an error\n")


async def test_so_is_that_of_its_own_threads(capsys: pytest.CaptureFixture[str]) -> None:
    relay = get_relay()
    await run_in_daemon_thread(print, "loading")
    assert not relay.take_lines()
    assert capsys.readouterr() == ("loading\n", "")


async def test_a_file_that_the_program_s_own_thread_imports(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_executor(folder / "mine.py", "return 'x'", before="print('imported')")
    arguments = parse_target("mine.py:agent"), Settings(), Redactor()
    source = await run_in_daemon_thread(TargetSource.load, *arguments)
    assert source.relay.take_lines() == [OutputReceived("imported")]
    assert capsys.readouterr() == ("", "")
    await source.aclose()


def test_what_an_import_prints_last_needs_no_line_end() -> None:
    relay = OutputRelay()
    with relay.take_over():
        relay.write("loading ...", "stdout")
    assert relay.take_lines() == [OutputReceived("loading ...")]


def test_lines_that_nobody_took_in_time_are_counted() -> None:
    relay = OutputRelay()
    relay.write("".join(f"{number}\n" for number in range(1002)), "stdout")
    note, first, *_, last = [line.text for line in relay.take_lines()]
    assert (note, first, last) == ("... 2 earlier lines left out", "2", "1001")
    relay.write("more\n", "stdout")
    assert [line.text for line in relay.take_lines()] == ["more"]


@pytest.mark.parametrize(
    "reads",
    ["builtins.input('Name? ')", "sys.stdin.readline()", "sys.stdin.read()", "list(sys.stdin)"],
)
async def test_the_keyboard_is_not_the_agent_s(folder: Path, reads: str) -> None:
    write_executor(folder / "mine.py", reads, "return 'x'", before="import builtins, sys")
    async with loaded("mine.py:agent") as source:
        *_, last = await collect(source)
    assert isinstance(last, TurnFailed)
    assert "input() gets nothing; an agent can ask with LangGraph's interrupt()" in last.error


async def test_the_program_still_reads_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    get_relay()
    monkeypatch.setattr(sys.stdin, "stream", io.StringIO("one\ntwo\nthree\n"))
    assert await run_in_daemon_thread(sys.stdin.readline) == "one\n"
    assert next(iter(sys.stdin)) == "two\n"
    assert sys.stdin.read() == "three\n"


async def test_only_whole_lines_cross(folder: Path) -> None:
    lines = await printed(folder, "print('a', end='')", "print('b')", "print('c', end='')")
    assert [line.text for line in lines] == ["ab", "c"]


async def test_threads_do_not_mix_their_lines(folder: Path) -> None:
    lines = await printed(
        folder,
        "print('a', end='')",
        "thread = threading.Thread(target=print, args=['other'])",
        "thread.start()",
        "thread.join()",
        "print('b')",
    )
    assert [line.text for line in lines] == ["other", "ab"]


async def test_a_progress_bar_is_its_last_state_without_colors(folder: Path) -> None:
    lines = await printed(folder, r"print('\r10 %\r\x1b[32m100 %\x1b[0m\r')")
    assert [line.text for line in lines] == ["100 %"]


async def test_no_colors_are_asked_for(folder: Path) -> None:
    assert await printed(folder, "print(sys.stdout.isatty())") == [OutputReceived("False")]


async def test_what_an_import_prints_is_in_the_first_turn(folder: Path) -> None:
    assert await printed(folder, before="print('imported')") == [OutputReceived("imported")]


async def test_warnings_are_shown_although_no_logging_is_set_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler()])
    lines = await printed(
        folder,
        "logging.getLogger('mine').warning('careful')",
        "logging.getLogger('mine').info('detail')",
    )
    assert lines == [OutputReceived("careful", "stderr")]


async def test_the_agent_may_set_up_logging(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As the program has it, and then basicConfig would do nothing.
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler()])
    lines = await printed(
        folder, "logging.info('detail')", before="logging.basicConfig(level=logging.INFO)"
    )
    assert lines == [OutputReceived("INFO:root:detail", "stderr")]


async def test_a_failing_turn_keeps_what_it_printed(folder: Path) -> None:
    write_executor(folder / "mine.py", "print('so far', end='')", "raise ValueError")
    async with loaded("mine.py:agent") as source:
        assert await collect(source) == [
            OutputReceived("so far"),
            TurnFailed("ValueError", pytest.approx(0, abs=60)),
        ]


def write_in_thread(relay: OutputRelay, text: str) -> None:
    thread = threading.Thread(target=relay.write, args=[text, "stdout"])
    thread.start()
    thread.join()


def test_lines_between_turns_are_kept_and_announced() -> None:
    relay, calls = OutputRelay(), list[int]()
    relay.on_line = lambda: calls.append(1)
    write_in_thread(relay, "one\ntwo\nthr")
    assert len(calls) == 2
    assert [line.text for line in relay.take_lines()] == ["one", "two"]
    relay.flush()
    assert [line.text for line in relay.take_lines()] == ["thr"]
    assert not relay.take_lines()


def test_a_line_that_never_ends_is_cut() -> None:
    relay = OutputRelay()
    write_in_thread(relay, "x" * 20_000)
    assert [len(line.text) for line in relay.take_lines()] == [20_000]
