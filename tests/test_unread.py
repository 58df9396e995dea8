"""Signals end the program at any moment, though nobody reads its output."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.program import DEVNULL, HANGS, MODULE, PIPE, Process, environment, wait_until
from tests.server import Pause, Reply, Server, says

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
LONG = says(*("This is a line of it.\n" * 10 for _ in range(1000)))
SILENT = Reply((Pause(600),))
PRESSED_AGAIN = 10
"""Seconds that a user waits before pressing Ctrl-C once more."""

each_signal = pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)


class Unread:
    """A pipe or a terminal that nobody reads."""

    def __init__(self, kind: str) -> None:
        self.is_terminal = kind == "terminal"
        self.reader, self.writer = pty.openpty() if self.is_terminal else os.pipe()

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)

    @property
    def is_full(self) -> bool:
        return not select.select([], [self.writer], [], 0)[1]

    @property
    def size(self) -> int:
        """The number of bytes in the pipe."""
        counted = fcntl.ioctl(self.reader, termios.FIONREAD, bytes(4))
        return int.from_bytes(counted, "little")

    def fill(self) -> None:
        """Fill the pipe, or all but a few hundred bytes of the terminal."""
        os.set_blocking(self.writer, False)
        while not self.is_full:
            with suppress(BlockingIOError):
                os.write(self.writer, b"." * 4096)
        os.set_blocking(self.writer, True)
        while self.is_terminal and self.is_full:
            os.read(self.reader, 256)

    def start(self, home: Path, *arguments: str, fresh: bool = False, **variables: str) -> Process:
        return Process(
            MODULE,
            arguments,
            environment(home, **variables),
            stdin=self.writer if self.is_terminal else DEVNULL,
            stdout=self.writer,
            stderr=self.writer,
            terminal=self.is_terminal,
            fresh=fresh,
        )

    def get_settings(self) -> list[Any]:
        return termios.tcgetattr(self.writer) if self.is_terminal else []


@contextmanager
def unread(kind: str, *, filled: bool = False) -> Iterator[Unread]:
    output = Unread(kind)
    try:
        if filled:
            output.fill()
        yield output
    finally:
        output.close()


def wait_until_asleep(process: Process) -> None:
    """Wait until the program has started and waits for something other than the processor."""
    before: list[str] = []

    def is_asleep() -> bool:
        nonlocal before
        last, before = before, read_state(process)
        return before[0] == "S" and before == last

    wait_until(lambda: handles_signals(process) and is_asleep())


def read_state(process: Process) -> list[str]:
    """Return the kernel's state of a process (S if asleep), and its times."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()


def handles_signals(process: Process) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = re.search(r"SigCgt:\s*(\w+)", status)
    return bool(caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def end_chat(process: Process, number: signal.Signals) -> int:
    """Send the signal; press Ctrl-C again if the chat was not stuck yet, and so outlived it."""
    for _ in range(HANGS // PRESSED_AGAIN):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(PRESSED_AGAIN if number == signal.SIGINT else HANGS)
    return process.wait(0)


@each_signal
@pytest.mark.parametrize("kind", ["pipe", "terminal"])
@pytest.mark.parametrize("options", [(), ("--no-tools",), ("--plain",), ("--json",)])
def test_a_signal_while_a_long_answer_is_written(
    server: Server, tmp_path: Path, number: signal.Signals, kind: str, options: tuple[str, ...]
) -> None:
    # With tools, a pipe gets the text once the whole answer has arrived.
    server.script(LONG)
    with unread(kind) as output:
        before = output.get_settings()
        arguments = ("ask", "hi", *options)
        with output.start(tmp_path, *arguments, OPENAI_BASE_URL=server.url) as process:
            wait_until(lambda: output.is_full)
            process.send_signal(number)
            assert process.wait() == CODES[number]
        assert output.get_settings() == before


@pytest.mark.parametrize("written", range(0, 60_000, 6_000))
def test_a_signal_after_part_of_the_answer(server: Server, tmp_path: Path, written: int) -> None:
    server.script(LONG)
    number = list(CODES)[written % 3]
    arguments = ("ask", "hi", "--no-tools")
    with (
        unread("pipe") as output,
        output.start(tmp_path, *arguments, OPENAI_BASE_URL=server.url) as process,
    ):
        wait_until(lambda: output.size > written)
        process.send_signal(number)
        assert process.wait() == CODES[number]


@each_signal
@pytest.mark.parametrize(
    "command",
    [
        ("--version",),
        ("--help",),
        ("help", "chat"),
        ("config", "show"),
        ("sessions", "list"),
        ("doctor",),
        ("ask", "--frob"),
        ("repl", "--resume", "nothing"),
    ],
    ids=" ".join,
)
def test_a_signal_while_a_command_writes(
    server: Server, tmp_path: Path, number: signal.Signals, command: tuple[str, ...]
) -> None:
    server.script(says("Hi."), forever=True)
    with (
        unread("pipe", filled=True) as output,
        output.start(tmp_path, *command, OPENAI_BASE_URL=server.url) as process,
    ):
        wait_until_asleep(process)
        process.send_signal(number)
        assert process.wait() == CODES[number]


@each_signal
def test_a_signal_while_a_scripted_chat_answers(
    server: Server, tmp_path: Path, number: signal.Signals
) -> None:
    server.script(LONG)
    variables = environment(tmp_path, OPENAI_BASE_URL=server.url)
    with unread("pipe") as output:
        streams = {"stdin": PIPE, "stdout": output.writer, "stderr": output.writer}
        with Process(MODULE, ["repl"], variables, **streams) as process:
            assert process.stdin
            os.write(process.stdin.fileno(), b"hi\n")
            wait_until(lambda: output.is_full)
            process.send_signal(number)
            assert process.wait() == CODES[number]


@each_signal
def test_a_signal_while_the_chat_answers(
    server: Server, tmp_path: Path, number: signal.Signals
) -> None:
    server.script(LONG)
    with unread("terminal") as output:
        before = output.get_settings()
        with output.start(tmp_path, "repl", OPENAI_BASE_URL=server.url) as process:
            wait_until(lambda: not output.get_settings()[3] & termios.ICANON)
            os.write(output.reader, b"hi\r")
            wait_until(lambda: output.is_full)
            assert end_chat(process, number) == CODES[number]
        assert output.get_settings() == before


@each_signal
def test_a_signal_while_a_spinner_turns(
    server: Server, tmp_path: Path, number: signal.Signals
) -> None:
    server.script(SILENT)
    with unread("terminal", filled=True) as output:
        before = output.get_settings()
        with output.start(tmp_path, "doctor", OPENAI_BASE_URL=server.url) as process:
            wait_until(lambda: output.is_full)
            process.send_signal(number)
            assert process.wait() == CODES[number]
        assert output.get_settings() == before


@each_signal
@pytest.mark.parametrize("command", ["ask", "doctor"])
def test_a_signal_during_startup(
    server: Server, tmp_path: Path, number: signal.Signals, command: str
) -> None:
    server.script(SILENT, forever=True)
    arguments = [command, *["hi"][: command == "ask"]]
    with unread("terminal", filled=True) as output:
        before = output.get_settings()
        variables = {"OPENAI_BASE_URL": server.url}
        with output.start(tmp_path, *arguments, fresh=True, **variables) as process:
            wait_until(lambda: output.is_full)  # of the spinner
            process.send_signal(number)
            assert process.wait() == CODES[number]
        assert output.get_settings() == before


def test_two_signals_at_once(server: Server, tmp_path: Path) -> None:
    server.script(LONG)
    with unread("terminal") as output:
        before = output.get_settings()
        with output.start(tmp_path, "ask", "hi", OPENAI_BASE_URL=server.url) as process:
            wait_until(lambda: output.is_full)
            for number in (signal.SIGHUP, signal.SIGTERM):
                process.send_signal(number)
            assert process.wait() in (129, 143)
        assert output.get_settings() == before
