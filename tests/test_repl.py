"""Turns of the chat on a terminal, on one without cursor movement, and on pipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chatting import KEY, Chat, messages
from tests.program import Terminal, run
from tests.screen import at_prompt as on_screen
from tests.server import Server, calls, fails, notebook, says


def at_prompt(lines: list[str]) -> bool:
    return bool(lines) and lines[-1] in (">", "> ")


def test_history_across_turns(server: Server, tmp_path: Path) -> None:
    server.script(*notebook(), says("You asked for 10 + 10."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        assert '{"|x|":|10|,"|y|":|10|}|' in chat.send("What is 10 + 10")
        assert "You asked for 10 + 10." in chat.send("What did I ask?")
        asked = ["What is 10 + 10", "10 + 10 equals 20.", "What did I ask?"]
        assert messages(server) == asked
        chat.leave()
        assert KEY not in chat.written


def test_the_chat_continues_after_failures(server: Server, tmp_path: Path) -> None:
    cut = calls("add", ['{"x": 10, "y": 1']).but(finish_reason=None)
    loop = [calls("add", x=1, y=1)] * 3
    server.script(fails(401, f"wrong key {KEY}"), cut, *loop, says("Still here."))
    with Chat(server, tmp_path, "--max-steps", "3") as chat:
        chat.wait_until_ready()
        for words in ("wrong key sk-***", "inside the arguments of add", "no answer after 3 steps"):
            assert words in chat.send("go on")
        assert "Still here." in chat.send("go on")
        assert messages(server) == ["go on"]
        assert KEY not in chat.written


@pytest.mark.parametrize(("arguments", "term"), [((), "dumb"), (("--plain",), "xterm-256color")])
def test_a_terminal_without_cursor_movement(
    server: Server, tmp_path: Path, arguments: tuple[str, ...], term: str
) -> None:
    server.script(says("One."))
    variables = {"OPENAI_BASE_URL": server.url, "TERM": term}
    with Terminal(tmp_path, "repl", *arguments, **variables) as terminal:
        terminal.wait_for(lambda lines: ">" in lines and terminal.is_raw)
        assert at_prompt(terminal.screen.everything())
        terminal.type("first\r")
        terminal.wait_for("One.")
        terminal.wait_for(lambda lines: at_prompt(lines) and terminal.is_raw)
        terminal.type("\x04")
        assert terminal.exit_code() == 0
        prompted = terminal.written[terminal.written.index(">") :]
    assert "\x1b" not in prompted


def test_a_terminal_that_is_not_utf_8_has_an_ascii_prompt(server: Server, tmp_path: Path) -> None:
    variables = {"OPENAI_BASE_URL": server.url, "PYTHONIOENCODING": "ascii"}
    with Terminal(tmp_path, "repl", fresh=True, **variables) as terminal:
        terminal.wait_for(on_screen)
        assert terminal.written.isascii()


def test_a_quote_is_not_taken_for_a_question(server: Server, tmp_path: Path) -> None:
    server.script(says("> So it is."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        lines = chat.send("Is it so?").splitlines()
        assert [each for each in lines if each.startswith("›")] == ["› Is it so?", "›"]
        assert "> So it is." in lines


def test_lines_on_a_pipe(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."))
    done = run(tmp_path, "repl", stdin="first\n\nsecond\n/nope\n", OPENAI_BASE_URL=server.url)
    assert done.stdout == "One.\nTwo.\n"
    assert done.stderr == "error: Unknown command /nope. /help lists them.\n"
    assert done.returncode == 0
    assert len(server.requests[-1]["messages"]) == 4


def test_a_pipe_of_questions_fails_if_one_of_them_does(server: Server, tmp_path: Path) -> None:
    server.script(fails(401, "no"), says("Two."))
    done = run(tmp_path, "repl", stdin="first\nsecond\n", OPENAI_BASE_URL=server.url)
    assert (done.stdout, done.returncode) == ("Two.\n", 1)
