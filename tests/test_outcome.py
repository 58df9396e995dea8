"""How failures and interrupts are reported."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from streamchat.turn import Turn
from streamchat.view.outcome import format_failure, format_outcome
from tests.chatting import CTRL_C, ENTER, KEY, Chat
from tests.program import Terminal, run
from tests.server import NEVER, Reply, Server, fails, says
from tests.targets import write_executor


class OnTerminal(io.StringIO):
    """A stream on a terminal."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_pipe_gets_one_line() -> None:
    line = format_failure("no\nluck " + "x" * 400, io.StringIO(), "Try again.")
    assert line.startswith("error: no luck x")
    assert len(line) == 300


@pytest.mark.parametrize(("plain", "term"), [(True, "xterm"), (False, "dumb")])
def test_words_for_those_who_want_words(
    monkeypatch: pytest.MonkeyPatch, plain: bool, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    assert format_failure("no luck", OnTerminal(), "Try again.", plain=plain) == "error: no luck"
    turn = Turn(status="cancelled")
    assert format_outcome(turn, OnTerminal(), plain=plain) == "interrupted"


def test_a_terminal_gets_a_red_sign_and_dim_advice() -> None:
    assert format_failure("no luck", OnTerminal(), "Try again.") == (
        "\x1b[31m✗ \x1b[0mno luck\n\x1b[2m  Try again.\x1b[0m"
    )
    assert format_failure("no luck", OnTerminal()) == "\x1b[31m✗ \x1b[0mno luck"
    assert format_outcome(Turn(status="cancelled"), OnTerminal()) == "\x1b[2minterrupted\x1b[0m"
    assert format_outcome(Turn(status="done"), OnTerminal()) == ""


def test_other_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = format_failure("kein Glück", OnTerminal("ascii"))
    assert shown == "\x1b[31mfailed \x1b[0mkein Gl\\xfcck"
    assert format_failure("Glück", io.TextIOWrapper(io.BytesIO(), "ascii")) == "error: Gl\\xfcck"
    monkeypatch.setenv("NO_COLOR", "1")
    assert format_failure("no luck", OnTerminal()) == "\x1b[1m✗ \x1b[0mno luck"


def test_a_narrow_terminal_breaks_between_words() -> None:
    failure = format_failure("one two three " * 8, OnTerminal(), "Do this and that. " * 3)
    lines = re.sub(r"\x1b\[\d+m", "", failure).split("\n")
    assert all(len(line) < 40 for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])
    assert "one two three" in " ".join(lines)


def test_nothing_in_a_cause_reaches_the_terminal_as_a_command() -> None:
    assert format_failure("a\x1b[2Jb", OnTerminal()) == "\x1b[31m✗ \x1b[0ma\\x1b[2Jb"


def test_a_failed_turn_in_the_chat(server: Server, tmp_path: Path) -> None:
    server.script(
        fails(401, f"wrong key {KEY}"), says("Half of").but(finish_reason="length"), says("Yes.")
    )
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        lines = chat.send("one").split("\n")
        at = next(at for at, line in enumerate(lines) if "wrong key sk-***" in line)
        assert lines[at].startswith("✗ 401 from 127.0.0.1")
        assert "  /retry asks again." in lines[at + 1 : at + 3]
        lines = chat.send("two").split("\n")
        assert "Half of" in lines
        assert "  The partial answer is kept. /retry asks again." in lines
        assert "\x1b[31m✗ \x1b[0m" in chat.written
        assert "Half of" in chat.send("/last")
        assert "Yes." in chat.send("/retry")


def test_a_failed_turn_of_an_agent_has_one_cross(server: Server, tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", "print('Trying')", "raise ValueError('no luck')")
    with Chat(server, tmp_path, "--agent", "mine.py:agent", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        lines = chat.send("hello").split("\n")
        assert [re.sub(r"\d\.\d s", "0.0 s", line) for line in lines[-9:-3]] == [
            *("› hello", "", "┊ Trying", "mine.py:agent · 0 steps · 0.0 s"),
            *("✗ ValueError: no luck (/traceback shows where)", "  /retry asks again."),
        ]


def test_a_refused_command_and_an_interrupt(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("/nope" + ENTER)
        chat.wait_for("✗ Unknown command /nope. /help lists them.")
        chat.wait_for_prompt("/nope")
        chat.type(CTRL_C)
        chat.wait_for_prompt()
        server.script(Reply((*says("Once").parts, NEVER)))
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type(CTRL_C)
        chat.wait_for(lambda lines: "interrupted" in lines)
        chat.wait_until_written("\x1b[2minterrupted\x1b[0m")
        chat.wait_for_prompt()


def test_a_plain_chat_reports_in_words(server: Server, tmp_path: Path) -> None:
    server.script(fails(400, "not now"))
    with Terminal(tmp_path, "repl", "--plain", OPENAI_BASE_URL=server.url) as terminal:
        terminal.wait_for(lambda lines: lines[-1:] == [">"] and terminal.is_raw)
        terminal.type("one" + ENTER)
        terminal.wait_for("error: 400 from")
        terminal.wait_for(lambda lines: lines[-1:] == [">"] and terminal.is_raw)
        assert "✗" not in terminal.written
        assert "/retry" not in terminal.written


def test_a_question_on_a_terminal(server: Server, tmp_path: Path) -> None:
    server.script(says("Half of").but(finish_reason="length"), fails(400, "no"))
    variables = {"OPENAI_BASE_URL": server.url}
    with Terminal(tmp_path, "ask", "one", columns=100, **variables) as terminal:
        assert terminal.exit_code() == 1
        *_, cause, kept = terminal.screen.everything()
    assert cause.startswith("✗ the model's message was cut off")
    assert kept.startswith("  The partial answer is kept: streamchat sessions show ")
    shown = run(tmp_path, "sessions", "show", kept.split()[-1]).stdout
    assert "Half of" in shown
    with Terminal(tmp_path, "ask", "one", **variables) as terminal:
        assert terminal.exit_code() == 1
        assert terminal.screen.everything()[-1].startswith("✗ 400 from")


@pytest.mark.parametrize("arguments", [["--plain"], []])
def test_a_question_in_words(server: Server, tmp_path: Path, arguments: list[str]) -> None:
    server.script(says("Half of").but(finish_reason="length"))
    term = "xterm" if arguments else "dumb"
    variables = {"OPENAI_BASE_URL": server.url, "TERM": term}
    with Terminal(tmp_path, "ask", "one", *arguments, columns=100, **variables) as terminal:
        assert terminal.exit_code() == 1
        assert terminal.screen.everything()[-1].startswith("error: the model's message was cut off")


def test_wrong_usage_on_a_terminal(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", "--timeout", "soon", "one", columns=100) as terminal:
        assert terminal.exit_code() == 2
        (line,) = terminal.screen.everything()
    assert line.startswith("✗ --timeout")
    with Terminal(tmp_path, "ask", "--plain", "--timeout", "soon", "one") as terminal:
        assert terminal.exit_code() == 2
        assert terminal.screen.everything()[0].startswith("error: --timeout")


def test_a_stored_turn_looks_as_it_did(server: Server, tmp_path: Path) -> None:
    server.script(fails(400, "not now"))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        chat.leave()
    with Chat(server, tmp_path, "--continue") as chat:
        chat.wait_until_ready()
        assert any(line.startswith("✗ 400 from") for line in chat.screen.everything())
