"""The chat, on a terminal and on a pipe."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.program import Terminal, run
from tests.server import Pause, Reply, Server, calls, fails, notebook, says

KEY = "sk-secret"


@pytest.fixture
def terminal(server: Server, tmp_path: Path):  # type: ignore[no-untyped-def]  # a generator of one
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}
    with Terminal(tmp_path, "repl", "--max-steps", "3", **variables) as terminal:
        terminal.wait_for("/help lists the commands")
        terminal.wait_for(at_prompt)
        yield terminal


def at_prompt(lines: list[str]) -> bool:
    return bool(lines) and lines[-1] in (">", "> ")


def test_history_across_turns(server: Server, terminal: Terminal) -> None:
    server.script(*notebook(), says("You asked for 10 + 10."))
    terminal.type("What is 10 + 10\r")
    lines = terminal.wait_for("10 + 10 equals 20.")
    assert any('{"|x|":|10|,"|y|":|10|}|' in line for line in lines)
    terminal.wait_for(at_prompt)
    terminal.type("What did I ask?\r")
    terminal.wait_for("You asked for 10 + 10.")
    contents = [message["content"] for message in server.requests[-1]["messages"]]
    assert contents[1:] == ["What is 10 + 10", "10 + 10 equals 20.", "What did I ask?"]
    terminal.wait_for(at_prompt)
    terminal.type("\x04")
    assert terminal.exit_code() == 0
    assert KEY not in "\n".join(terminal.screen.everything())


def test_the_commands(server: Server, terminal: Terminal) -> None:
    server.script(says("Hi."), says("Hi again."))
    terminal.type("/help\r")
    terminal.wait_for("Ctrl-C stops an answer")
    terminal.type("/history\r")
    terminal.wait_for("nothing yet")
    terminal.type("Hello\r")
    terminal.wait_for("Hi.")
    terminal.wait_for(at_prompt)
    terminal.type("/history\r")
    terminal.wait_for(lambda lines: lines.count("Hi.") == 2)
    terminal.type("/tools\r")
    terminal.wait_for("subtract(x, y)")
    terminal.type("/verbose\r")
    terminal.wait_for("verbose is on")
    terminal.type("/clear\r")
    terminal.wait_for("the conversation is forgotten")
    terminal.type("/model llama\r")
    terminal.wait_for("from now on llama")
    terminal.type("Hello\r")
    terminal.wait_for("content: Hi again.")
    assert len(server.requests[-1]["messages"]) == 2
    assert server.requests[-1]["model"] == "llama"
    terminal.wait_for(at_prompt)
    terminal.type("/quit\r")
    assert terminal.exit_code() == 0


def test_an_unknown_command_is_given_back_to_be_mended(terminal: Terminal) -> None:
    terminal.type("/hepl\r")
    terminal.wait_for("no command is called /hepl")
    terminal.wait_for(lambda lines: lines[-1] == "> /hepl")
    terminal.type("\x7f\x7f\x7flp\r")
    terminal.wait_for("no command is called /hlp")


def test_failures_leave_the_chat_going(server: Server, terminal: Terminal) -> None:
    cut = calls("add", ['{"x": 10, "y": 1']).but(finish_reason=None)
    loop = [calls("add", x=1, y=1)] * 3
    server.script(fails(401, f"wrong key {KEY}"), cut, *loop, says("Still here."))
    for words in ("wrong key ***", "inside the arguments of add", "no answer after 3 steps"):
        terminal.type("go on\r")
        terminal.wait_for(words)
        terminal.wait_for(at_prompt)
    terminal.type("go on\r")
    terminal.wait_for("Still here.")


def test_ctrl_c_stops_the_turn_and_keeps_the_chat(server: Server, terminal: Terminal) -> None:
    server.script(Reply((*says("Once upon").parts, Pause(30))), says("Yes?"))
    terminal.type("Tell me a story\r")
    terminal.wait_for("Once upon")
    terminal.type("\x03")
    terminal.wait_for("interrupted")
    assert server.disconnected.wait(5)
    terminal.wait_for(at_prompt)
    terminal.type("typed and dropped\x03")
    terminal.wait_for(at_prompt)
    terminal.type("Hello\r")
    terminal.wait_for("Yes?")


def test_a_signal_to_end_leaves_the_terminal_in_order(terminal: Terminal) -> None:
    assert "bracketed paste" in terminal.screen.modes()
    os.kill(terminal.process.pid, signal.SIGTERM)
    assert terminal.exit_code() == 143
    assert "bracketed paste" not in terminal.screen.modes()


def test_the_history_file_is_the_user_s_alone(
    server: Server, terminal: Terminal, tmp_path: Path
) -> None:
    server.script(says("Hi."))
    terminal.type("a secret question\r")
    terminal.wait_for("Hi.")
    (file,) = tmp_path.rglob("history")
    assert "a secret question" in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("arguments", "term"), [((), "dumb"), (("--plain",), "xterm-256color")])
def test_a_terminal_that_moves_no_cursor(
    server: Server, tmp_path: Path, arguments: tuple[str, ...], term: str
) -> None:
    server.script(says("One."))
    variables = {"OPENAI_BASE_URL": server.url, "TERM": term}
    with Terminal(tmp_path, "repl", *arguments, **variables) as terminal:
        terminal.wait_for(at_prompt)
        terminal.type("first\r")
        terminal.wait_for("One.")
        terminal.wait_for(at_prompt)
        terminal.type("\x04")
        assert terminal.exit_code() == 0
        prompted = terminal.written[terminal.written.index(">") :]
    assert "\x1b" not in prompted


def test_lines_on_a_pipe(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."))
    done = run(tmp_path, "repl", stdin="first\n\nsecond\n/nope\n", OPENAI_BASE_URL=server.url)
    assert done.stdout == "One.\nTwo.\n"
    assert done.stderr == "error: no command is called /nope; /help lists them\n"
    assert done.returncode == 0
    assert len(server.requests[-1]["messages"]) == 4


def test_a_pipe_of_questions_fails_if_one_of_them_does(server: Server, tmp_path: Path) -> None:
    server.script(fails(401, "no"), says("Two."))
    done = run(tmp_path, "repl", stdin="first\nsecond\n", OPENAI_BASE_URL=server.url)
    assert (done.stdout, done.returncode) == ("Two.\n", 1)
