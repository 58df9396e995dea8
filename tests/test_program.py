"""A forked program starts like a real one."""

from __future__ import annotations

import json
import os
import pty
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.program import DEVNULL, PIPE, ForkServer, Process, environment, run, start
from tests.server import NEVER, Server, says, wait_for_request

STATE = ("-m", "tests.state")


def read_state(home: Path, *, fresh: bool, on_a_terminal: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"stdin": DEVNULL, "stdout": PIPE}
    ours, theirs = pty.openpty()
    if on_a_terminal:
        options = {"stdin": theirs, "stdout": PIPE, "stderr": theirs, "terminal": True}
    variables = environment(home, OPENAI_API_KEY="sk-1", STREAMCHAT_MODEL="m", TERM="dumb")
    with Process(STATE, ["a", "schön"], variables, fresh=fresh, **options) as process:
        out, _ = process.communicate()
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    state: dict[str, Any] = json.loads(out)
    return state


@pytest.mark.parametrize("on_a_terminal", [False, True])
def test_a_fork_starts_as_a_fresh_interpreter_does(tmp_path: Path, on_a_terminal: bool) -> None:
    forked = read_state(tmp_path, fresh=False, on_a_terminal=on_a_terminal)
    fresh = read_state(tmp_path, fresh=True, on_a_terminal=on_a_terminal)
    assert forked == fresh
    assert fresh["argv"][1:] == ["a", "schön"]
    assert fresh["terminal"] is on_a_terminal


@pytest.mark.parametrize("name", ["LANG", "PYTHONUTF8", "LANGSMITH_RUN_COMPRESSION_LEVEL"])
def test_variables_read_by_imports_need_a_fresh_start(tmp_path: Path, name: str) -> None:
    assert "has to be fresh" in run(tmp_path, "--version", **{name: "1"}).stderr
    assert run(tmp_path, "--version", fresh=True, **{name: "1"}).returncode == 0


@pytest.mark.parametrize("fresh", [False, True])
def test_exit_codes_and_signals_are_reported(server: Server, tmp_path: Path, fresh: bool) -> None:
    assert run(tmp_path, "--frob", fresh=fresh).returncode == 2
    server.script(says("It is").but(parts=(NEVER,)))
    with start(tmp_path, "ask", "hi", "--base-url", server.url, fresh=fresh) as process:
        wait_for_request(server)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        assert process.communicate() == (b"", b"")
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_the_program_does_not_inherit_ignored_signals(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    server.script(says("It is").but(parts=(NEVER,)))
    monkeypatch.setattr(ForkServer, "_all", {})
    before = signal.signal(number, signal.SIG_IGN)  # as nohup does
    try:
        process = start(tmp_path, "ask", "hi", "--base-url", server.url)
    finally:
        signal.signal(number, before)
    with process:
        wait_for_request(server)
        process.send_signal(number)
        assert process.communicate() == (b"", b"interrupted\n")
    assert process.returncode == 128 + number
