"""What a screen reader gets is what the manual says."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input

from streamchat.manual import read_topic
from streamchat.repl.questions import read_secret
from streamchat.view.progress import show_progress
from tests.chatting import CTRL_C, ENTER, KEY, hold
from tests.program import Terminal
from tests.server import (
    NEVER,
    Reply,
    Server,
    answers,
    calls,
    delta,
    fails,
    notebook,
    says,
)
from tests.stores import store_turns
from tests.turns import ASKING, DELEGATING, PRINTING

DRAWN = re.compile("[\x1b\x08\u2500-\u259f\u2800-\u28ff✓✗]")
"""Control sequences, frames, bars, spinners and signs."""
LINES = re.findall(r"^\| `([^`]+)` \|", read_topic("accessibility"), re.MULTILINE)
OF_AGENTS = ("researcher says:", "Printed:", "Question:")
"""Those that only the user's own agents need."""


def start(server: Server, home: Path, *arguments: str, **variables: str) -> Terminal:
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY} | variables
    return Terminal(home, *arguments, lines=100, **variables)


def wait_for_prompt(terminal: Terminal, after: str = "") -> list[str]:
    return terminal.wait_for(
        lambda lines: lines[-1:] == [">"] and terminal.is_raw and after in "\n".join(lines)
    )


@pytest.mark.parametrize("plain", [{"arguments": ["--plain"]}, {"TERM": "dumb"}])
def test_every_documented_line_of_a_chat(
    server: Server, tmp_path: Path, plain: dict[str, Any]
) -> None:
    go_on = threading.Event()
    thought = Reply((delta(reasoning_content="Hmm."),)) + says("So it is.")
    server.script(
        *notebook(),
        calls("add", x=1, y="one"),
        answers("No."),
        hold(thought, go_on),
        fails(503, "busy"),
        says("Later."),
        fails(400, "not now"),
        Reply((*says("Once").parts, NEVER)),
    )
    arguments = plain.pop("arguments", [])
    with start(server, tmp_path, "repl", *arguments, **plain) as terminal:
        wait_for_prompt(terminal)
        terminal.type("What is 10 + 10" + ENTER)
        wait_for_prompt(terminal, "10 + 10 equals 20.")
        terminal.type("What is 1 + one" + ENTER)
        wait_for_prompt(terminal, "No.")
        terminal.type("Is it so?" + ENTER)
        terminal.wait_for("Reasoning:")
        terminal.type("And then?" + ENTER)
        terminal.wait_for("Queued: And then?")
        go_on.set()
        wait_for_prompt(terminal, "Later.")
        terminal.type("And now?" + ENTER)
        wait_for_prompt(terminal, "not now")
        terminal.type("A story?" + ENTER)
        terminal.wait_for("Step 1: asking")
        terminal.type(CTRL_C)
        lines = wait_for_prompt(terminal, "interrupted")
        assert not DRAWN.search(terminal.written)
        assert "" not in lines
    documented = [each for each in LINES if each not in ("loading...", *OF_AGENTS)]
    assert [each for each in documented if not any(each.strip() in line for line in lines)] == []


@pytest.mark.parametrize(
    "command", ["doctor", "sessions", "config show", "help accessibility", "ask hello"]
)
def test_every_command_on_a_dumb_terminal(server: Server, tmp_path: Path, command: str) -> None:
    server.script(says("Yes."), forever=True)
    with start(server, tmp_path, *command.split(), TERM="dumb") as terminal:
        assert terminal.exit_code() in (0, 1)
        assert terminal.written
        assert not DRAWN.search(terminal.written.replace("`✗`", "")), terminal.written


def test_a_turn_of_an_agent_in_words(tmp_path: Path) -> None:
    session = store_turns(tmp_path, DELEGATING, PRINTING, ASKING)
    with Terminal(tmp_path, "sessions", "show", session, lines=100, TERM="dumb") as terminal:
        assert terminal.exit_code() == 0
        lines = terminal.screen.everything()
        assert not DRAWN.search(terminal.written)
    for line in (
        *("boss says:", "researcher says:", "Printed: searching", "Printed: loaded 3 documents"),
        'Question: delete_file(path="/home/me/notes.txt")',
        "Answered: approved",
    ):
        assert line in lines
    assert all(any(line.startswith(each) for line in lines) for each in OF_AGENTS)
    assert set(OF_AGENTS) < set(LINES)


def test_what_the_user_waits_for_is_announced_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    for is_terminal, said in ((False, ""), (True, "loading the model...\n")):
        monkeypatch.setattr("sys.stderr.isatty", lambda is_terminal=is_terminal: is_terminal)
        with show_progress("loading the model"), show_progress("starting", brief=True):
            pass
        assert capsys.readouterr().err == said


async def test_a_key_that_is_typed_on_a_dumb_terminal_does_not_show(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with create_pipe_input() as keyboard, create_app_session(keyboard):
        keyboard.send_text(KEY + ENTER)
        assert await read_secret("The key: ") == KEY
    assert capsys.readouterr().out.split() == ["The", "key:"]
