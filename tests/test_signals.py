"""Ctrl-C, SIGTERM and SIGHUP at any moment of the real program."""

from __future__ import annotations

import os
import pty
import signal
import termios
import threading
import time
from pathlib import Path
from typing import IO, Any

import pytest

from streamchat.events import Event, TextDelta
from streamchat.sessions.store import Store
from tests.chatting import hold
from tests.program import HANGS, MODULE, Process, Terminal, environment, start, wait_until
from tests.screen import at_prompt
from tests.server import NEVER, Reply, Server, says, wait_for_request

SILENT = Reply((NEVER,))
HALF = Reply((*says("It is").parts, NEVER))
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def wait_for_text(home: Path) -> None:
    """Wait until the program has recorded, and so received, some text."""
    with Store.open(home / ".local/share/streamchat/sessions.sqlite3") as store:
        wait_until(lambda: any(isinstance(event, TextDelta) for event in last_events(store)))


def last_events(store: Store) -> list[Event]:
    session = store.last()
    return store.events(store.turns(session.id)[-1].id) if session else []


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize(("reply", "shown"), [(SILENT, b""), (HALF, b"It is\n")])
def test_a_signal_hangs_up_and_ends_the_program(
    server: Server, tmp_path: Path, number: signal.Signals, reply: Reply, shown: bytes
) -> None:
    server.script(reply)
    with start(tmp_path, "ask", "hi", "--base-url", server.url) as process:
        wait_for_request(server)
        if shown:
            wait_for_text(tmp_path)
        process.send_signal(number)
        assert server.disconnected.wait(HANGS)
        out, err = process.communicate()
    assert (out, err, process.returncode) == (shown, b"interrupted\n", CODES[number])


def test_a_signal_ignored_at_start_stays_ignored(server: Server, tmp_path: Path) -> None:
    signalled = threading.Event()
    server.script(hold(says("It is"), signalled, *says(" 20.").parts))
    ignored = {"ignored": [signal.SIGHUP]}
    arguments = ("ask", "hi", "--base-url", server.url)
    with start(tmp_path, *arguments, fresh=True, options=ignored) as process:
        wait_for_text(tmp_path)
        process.send_signal(signal.SIGHUP)
        signalled.set()
        out, _ = process.communicate()
    assert (out, process.returncode) == (b"It is 20.\n", 0)


# One import of each stage: the command line, LangChain, the model's library, the store.
@pytest.mark.parametrize("module", ["typer", "langchain_core", "langchain_openai", "sqlite3"])
@pytest.mark.parametrize("number", CODES)
def test_a_signal_while_it_starts(
    server: Server, tmp_path: Path, module: str, number: signal.Signals
) -> None:
    server.script(SILENT, forever=True)
    program = ("-X", "importtime", *MODULE)
    arguments = ("ask", "hi", "--base-url", server.url)
    with Process(program, arguments, environment(tmp_path), fresh=True) as process:
        imports = read_until(process.stderr, f" {module}\n".encode())
        process.send_signal(number)
        out, err = process.communicate()
    lines = (imports + err).splitlines(keepends=True)
    said = b"".join(line for line in lines if not line.startswith(b"import time:"))
    assert (out, process.returncode) == (b"", CODES[number])
    assert said in (b"", b"interrupted\n")


def read_until(stream: IO[bytes] | None, text: bytes) -> bytes:
    assert stream
    read = b""
    while text not in read:
        more = os.read(stream.fileno(), 65536)
        assert more, read
        read += more
    return read


INTERRUPTED_IMPORT = """
import os, signal
from streamchat.process.signals import exit_on_signal
with exit_on_signal(): os.kill(os.getpid(), signal.SIGINT)
print('went on')
"""


def test_a_signal_ends_an_import_at_once() -> None:
    with Process(("-c", INTERRUPTED_IMPORT), [], dict(os.environ), fresh=True) as process:
        assert process.communicate() == (b"", b"")
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("term", "written"), [("xterm", b"\r\x1b[K"), ("dumb", b"\r\n"), ("unknown", b"\r\n")]
)
def test_ctrl_c_during_an_import_clears_the_line(term: str, written: bytes) -> None:
    ours, theirs = pty.openpty()
    program, variables = ("-c", INTERRUPTED_IMPORT), os.environ | {"TERM": term}
    try:
        with Process(program, [], variables, stderr=theirs, fresh=True) as process:
            process.communicate()
        assert os.read(ours, 100) == written
    finally:
        os.close(ours)
        os.close(theirs)


def get_settings(terminal: Terminal) -> list[Any]:
    return termios.tcgetattr(terminal.fd)


def assert_restored(terminal: Terminal, before: list[Any]) -> None:
    assert get_settings(terminal) == before
    assert terminal.screen.cursor_is_visible
    assert "\x1b[?1049h" not in terminal.written
    for mode in ("?2004", "?2026"):
        assert terminal.written.rfind(f"{mode}h") <= terminal.written.rfind(f"{mode}l")


def assert_ends(terminal: Terminal, before: list[Any], *codes: int) -> None:
    """Check the exit, and the terminal while it is still there: it goes with its last program."""
    end = time.monotonic() + HANGS
    while terminal.state != "Z":
        assert time.monotonic() < end
        terminal.wait_for(lambda _: True)
    terminal.wait_for(lambda _: True)
    assert_restored(terminal, before)
    assert terminal.exit_code() in codes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_restored(server: Server, tmp_path: Path, number: signal.Signals) -> None:
    server.script(HALF)
    with Terminal(tmp_path, "ask", "hi", "--no-tools", OPENAI_BASE_URL=server.url) as terminal:
        before = get_settings(terminal)
        terminal.wait_for("It is")
        assert get_settings(terminal) != before
        os.kill(terminal.process.pid, number)
        assert_ends(terminal, before, CODES[number])


def test_a_stopped_terminal_does_not_hold_up_the_exit(server: Server, tmp_path: Path) -> None:
    server.script(HALF)
    with Terminal(tmp_path, "ask", "hi", "--no-tools", OPENAI_BASE_URL=server.url) as terminal:
        before = get_settings(terminal)
        terminal.wait_for("It is")
        terminal.type("\x13")  # Ctrl-S
        terminal.wait_for(lambda _: not terminal.takes_output)
        os.kill(terminal.process.pid, signal.SIGTERM)
        wait_until(lambda: terminal.state == "Z")
        assert get_settings(terminal) == before
        assert terminal.exit_code() == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("streaming", [False, True])
def test_the_chat_restores_the_terminal(
    server: Server, tmp_path: Path, number: signal.Signals, streaming: bool
) -> None:
    server.script(HALF)
    with Terminal(tmp_path, "repl", "--no-tools", OPENAI_BASE_URL=server.url) as terminal:
        before = get_settings(terminal)
        terminal.wait_for(at_prompt)
        if streaming:
            terminal.type("hi\r")
            terminal.wait_for("It is")
        os.kill(terminal.process.pid, number)
        assert_ends(terminal, before, CODES[number])


def test_the_model_is_sent_an_interrupted_answer(server: Server, tmp_path: Path) -> None:
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


def list_threads(terminal: Terminal) -> set[str]:
    return {task.name for task in Path(f"/proc/{terminal.process.pid}/task").iterdir()}


def test_the_chat_outlives_an_interrupt_at_the_prompt(server: Server, tmp_path: Path) -> None:
    server.script(says("Hello."))
    with Terminal(tmp_path, "repl", OPENAI_BASE_URL=server.url) as terminal:
        terminal.wait_for(at_prompt)
        terminal.type("hi\r")
        terminal.wait_for("Hello.")
        terminal.wait_for(at_prompt)
        before = list_threads(terminal)
        os.kill(terminal.process.pid, signal.SIGINT)
        terminal.wait_for(lambda _: not list_threads(terminal) <= before)  # the deadline's
        terminal.wait_for(lambda _: list_threads(terminal) <= before)
        terminal.type("/quit\r")
        assert terminal.exit_code() == 0


BUSY_LOOP = """
import os, signal, threading
from streamchat.process.deadline import watch_signals
from streamchat.process.interrupts import InterruptHandler, outlive
from streamchat.process.runtime import run

async def work():
    InterruptHandler(signal.SIGINT, linger=True).disarm()
    outlive(signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    while threading.active_count() == 2: pass
    while threading.active_count() > 2: pass
    return 'went on'

watch_signals()
print(run(work()))
"""


def test_a_busy_loop_outlives_an_interrupt() -> None:
    with Process(("-c", BUSY_LOOP), [], dict(os.environ), fresh=True) as process:
        assert process.communicate() == (b"went on\n", b"")


SHELL = """
import os, signal, subprocess, sys

def wait():
    status = os.waitpid(child.pid, os.WUNTRACED)[1]
    return 'stopped' if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)

child = subprocess.Popen([sys.executable, *sys.argv[1:]], process_group=0)
os.tcsetpgrp(0, child.pid)
assert wait() == 'stopped'
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.tcsetpgrp(0, os.getpgrp())
for number in (signal.SIGTERM, signal.SIGCONT):  # as the shell's kill does
    os.kill(child.pid, number)
print('the job:', wait())
"""


@pytest.mark.parametrize("command", [("ask", "hi", "--no-tools"), ("repl", "--no-tools")])
def test_a_stopped_job_ends(server: Server, tmp_path: Path, command: tuple[str, ...]) -> None:
    server.script(HALF)
    variables = {"OPENAI_BASE_URL": server.url}
    program = ("-c", SHELL, *MODULE)
    with Terminal(tmp_path, *command, program=program, fresh=True, **variables) as terminal:
        if command[0] == "repl":
            terminal.wait_for(at_prompt)
            terminal.type("hi\r")
        terminal.wait_for("It is")
        terminal.type("\x1a")
        terminal.wait_for("the job: 143")
