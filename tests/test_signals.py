"""Ctrl-C and the signals that end a program, at any moment, on the real program."""

from __future__ import annotations

import os
import signal
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from tests.program import HANGS, Process, Terminal, start
from tests.screen import at_prompt
from tests.server import Pause, Reply, Server, says, wait_for_request

SILENT = Reply((Pause(600),))
HALF = Reply((*says("It is").parts, Pause(600)))
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize(("reply", "shown"), [(SILENT, b""), (HALF, b"It is\n")])
def test_it_hangs_up_and_ends(
    server: Server, tmp_path: Path, number: signal.Signals, reply: Reply, shown: bytes
) -> None:
    server.script(reply)
    with start(tmp_path, "ask", "hi", "--base-url", server.url) as process:
        wait_for_request(server)
        time.sleep(0.2)  # for the text to come
        process.send_signal(number)
        assert server.disconnected.wait(HANGS)
        out, err = process.communicate()
    assert (out, err, process.returncode) == (shown, b"interrupted\n", CODES[number])


def test_what_it_was_started_to_ignore_it_ignores(server: Server, tmp_path: Path) -> None:
    server.script(Reply((*says("It is").parts, Pause(2), *says(" 20.").parts)))
    ignored = {"ignored": [signal.SIGHUP]}
    arguments = ("ask", "hi", "--base-url", server.url)
    with start(tmp_path, *arguments, fresh=True, options=ignored) as process:
        wait_for_request(server)
        time.sleep(0.3)
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate()
    assert (out, process.returncode) == (b"It is 20.\n", 0)


@pytest.mark.parametrize("seconds", [0.25, 0.5, 0.9])
def test_ctrl_c_while_it_starts(server: Server, tmp_path: Path, seconds: float) -> None:
    server.script(SILENT, forever=True)
    with start(tmp_path, "ask", "hi", "--base-url", server.url, fresh=True) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (out, err in (b"", b"interrupted\n"), process.returncode) == (b"", True, 130)


def test_importing_it_lets_ctrl_c_end_it_at_once() -> None:
    code = (
        "import os, signal\n"
        "from streamchat.process.signals import exit_on_interrupt\n"
        "with exit_on_interrupt(): os.kill(os.getpid(), signal.SIGINT)\n"
        "print('went on')"
    )
    with Process(("-c", code), [], dict(os.environ), fresh=True) as process:
        assert process.communicate() == (b"", b"")
    assert process.returncode == 130


def settings(terminal: Terminal) -> list[Any]:
    return termios.tcgetattr(terminal.fd)


def assert_in_order(terminal: Terminal, before: list[Any]) -> None:
    assert settings(terminal) == before
    assert terminal.screen.cursor_is_visible
    assert "\x1b[?1049h" not in terminal.written
    for mode in ("?2004", "?2026"):
        assert terminal.written.rfind(f"{mode}h") <= terminal.written.rfind(f"{mode}l")


def ended(terminal: Terminal, before: list[Any], code: int) -> None:
    """Checks the terminal while it is still there: it goes with its last program."""
    end = time.monotonic() + HANGS
    while terminal.state != "Z":
        assert time.monotonic() < end
        terminal.wait_for(lambda _: True)
    terminal.wait_for(lambda _: True)
    assert_in_order(terminal, before)
    assert terminal.exit_code() == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_as_it_was_found(
    server: Server, tmp_path: Path, number: signal.Signals
) -> None:
    server.script(HALF)
    with Terminal(tmp_path, "ask", "hi", "--no-tools", OPENAI_BASE_URL=server.url) as terminal:
        before = settings(terminal)
        terminal.wait_for("It is")
        assert settings(terminal) != before
        os.kill(terminal.process.pid, number)
        ended(terminal, before, CODES[number])


def test_a_stopped_terminal_holds_up_nothing(server: Server, tmp_path: Path) -> None:
    server.script(HALF)
    with Terminal(tmp_path, "ask", "hi", "--no-tools", OPENAI_BASE_URL=server.url) as terminal:
        before = settings(terminal)
        terminal.wait_for("It is")
        terminal.type("\x13")  # Ctrl-S
        time.sleep(0.5)
        os.kill(terminal.process.pid, signal.SIGTERM)
        end = time.monotonic() + HANGS
        while terminal.state != "Z":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert settings(terminal) == before
        assert terminal.exit_code() == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("streaming", [False, True])
def test_the_chat_ends_in_order(
    server: Server, tmp_path: Path, number: signal.Signals, streaming: bool
) -> None:
    server.script(HALF)
    with Terminal(tmp_path, "repl", "--no-tools", OPENAI_BASE_URL=server.url) as terminal:
        before = settings(terminal)
        terminal.wait_for(at_prompt)
        if streaming:
            terminal.type("hi\r")
            terminal.wait_for("It is")
        os.kill(terminal.process.pid, number)
        ended(terminal, before, CODES[number])


def test_what_was_interrupted_is_told_to_the_model(server: Server, tmp_path: Path) -> None:
    server.script(HALF, says("Yes?"))
    with Terminal(tmp_path, "repl", OPENAI_BASE_URL=server.url) as terminal:
        terminal.wait_for(at_prompt)
        terminal.type("hi\r")
        terminal.wait_for("It is")
        terminal.type("\x03")
        terminal.wait_for("interrupted")
        terminal.wait_for(at_prompt)
        terminal.type("and?\r")
        terminal.wait_for("Yes?")
        assert any(line.startswith("It is") for line in terminal.screen.everything())
    contents = [message["content"] for message in server.requests[-1]["messages"]]
    assert contents[1:] == ["hi", "It is\n\n[interrupted]", "and?"]
