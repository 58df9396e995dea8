"""Approvals without a chat: on a pipe, and at the prompt of `ask`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.program import Terminal, run
from tests.server import Server, calls, says
from tests.targets import write
from tests.test_answering import write_careful_agent
from tests.test_own_tools import list_results

DELETE = '''
    def delete(path: str) -> str:
        """Delete a file."""
        return f"{path} is gone"
'''
DENIED = "error: nobody could be asked to approve delete; --allow delete lets it run\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path / "mine.py", DELETE)
    return tmp_path


def ask(home: Path, server: Server, *arguments: str, **variables: str) -> Any:
    server.script(calls("delete", path="notes.txt"), says("So be it."))
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"} | variables
    return run(home, *arguments, "--tools", "mine.py", cwd=home, **variables)


def test_on_a_pipe_what_would_be_asked_is_denied(server: Server, home: Path) -> None:
    done = ask(home, server, "ask", "Hi")
    assert (done.returncode, done.stdout, done.stderr) == (1, "So be it.\n", DENIED)
    assert list_results(server) == ["Error: not run: nobody can be asked to approve it"]
    done = ask(home, server, "ask", "--plain", "Hi")
    assert done.stderr == DENIED
    assert (
        'Question: run delete(path="notes.txt")?\ndelete is refused: nobody to ask.\n'
        "delete failed: not run: nobody can be asked to approve it\n"
    ) in done.stdout


def test_json_tells_what_was_asked_and_decided(server: Server, home: Path) -> None:
    done = ask(home, server, "ask", "--json", "Hi")
    assert (done.returncode, done.stderr) == (1, DENIED)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    asked, given = (each for each in events if each["type"].startswith("approval_"))
    for each in (asked, given):
        del each["at"]  # when it happened
    assert asked == {
        "type": "approval_requested",
        "call_id": "call_delete",
        "name": "delete",
        "arguments": {"path": "notes.txt"},
    }
    assert given.pop("time")
    assert given == {
        "type": "approval_given",
        "call_id": "call_delete",
        "approved": False,
        "by": "rule",
        "reason": "nobody to ask",
        "arguments": None,
    }
    assert events[-1]["type"] == "turn_done"


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--allow", "del*"], {}), ([], {"STREAMCHAT_ALLOW": "x,delete"})],
)
def test_allowed_calls_run(
    server: Server, home: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    done = ask(home, server, "ask", *arguments, "Hi", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert list_results(server) == ["notes.txt is gone"]


def test_a_call_that_a_rule_denies_is_no_failure(server: Server, home: Path) -> None:
    done = ask(home, server, "ask", "--deny", "delete", "Hi")
    assert (done.returncode, done.stderr) == (0, "")
    assert list_results(server) == ["Error: not run: denied by --deny delete"]


def test_a_script_for_the_chat_cannot_approve_anything(server: Server, home: Path) -> None:
    server.script(calls("delete", path="notes.txt"), says("So be it."))
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
    done = run(home, "--tools", "mine.py", stdin="Hi\ny\n", cwd=home, **variables)
    assert done.returncode == 1
    assert done.stderr.startswith(DENIED)
    del server.requests[2:]  # that of the next line
    assert list_results(server) == ["Error: not run: nobody can be asked to approve it"]


def test_rules_answer_what_an_agent_asks(server: Server, tmp_path: Path) -> None:
    agent = write_careful_agent(server, tmp_path)
    for flag, result in ("--allow", "12.0"), ("--deny", "denied by --deny multiply"):
        server.script(calls("multiply", x=3, y=4), says("So be it."))
        done = run(tmp_path, "ask", "--agent", agent, flag, "multiply", "3 * 4?")
        assert (done.returncode, done.stdout, done.stderr) == (0, "So be it.\n", "")
        assert list_results(server)[0].endswith(result)


class TestAtThePrompt:
    QUESTION = 'run delete(path="notes.txt")? [y/a/n/e, or n REASON]'

    def test_calls_are_approved_edited_and_refused(self, server: Server, home: Path) -> None:
        two = calls("delete", path="notes.txt") + calls("delete", path="b", id="second")
        server.script(two, calls("delete", path="c"), says("So be it."))
        with self._ask(server, home) as terminal:
            terminal.wait_for(self.QUESTION)
            terminal.type("what\r")
            terminal.wait_for("type y to run it")
            terminal.type("n keep it\r")
            terminal.wait_for('run delete(path="b")?')
            terminal.type("e {}\r")
            terminal.wait_for("wrong arguments: path: Field required")
            terminal.type("e\r")
            terminal.wait_for("arguments as JSON:")
            terminal.type('{"path": "z"}\r')
            terminal.wait_for('run delete(path="c")?')
            terminal.type("a\r")
            assert terminal.exit_code() == 0
        assert list_results(server)[0] == "Error: not run: the user refused it: keep it"
        assert list_results(server)[1].endswith("\nz is gone")
        assert list_results(server)[2] == "c is gone"

    def test_the_end_of_input_stops_the_turn(self, server: Server, home: Path) -> None:
        server.script(calls("delete", path="notes.txt"))
        with self._ask(server, home, "--plain") as terminal:
            terminal.wait_for("[y/a/n/e, or n REASON]")
            terminal.type("\x04")
            assert terminal.exit_code() == 130

    @pytest.mark.parametrize(("key", "echoed"), [("\x04", ""), ("\x03", "^C")])
    def test_what_follows_a_question_without_an_answer_begins_a_line(
        self, server: Server, home: Path, key: str, echoed: str
    ) -> None:
        server.script(calls("delete", path="notes.txt"))
        with self._ask(server, home) as terminal:
            terminal.wait_for(self.QUESTION)
            terminal.type(key)
            assert terminal.exit_code() == 130
            (asked,) = (each for each in terminal.screen.everything() if self.QUESTION in each)
            assert asked.rstrip() == f"{self.QUESTION} {echoed}".rstrip()

    def test_what_looks_like_a_question_is_none(self, server: Server, home: Path) -> None:
        fake = "\x1b[2Jrun add()? [y/a/n/e, or n REASON] "
        server.script(calls("delete", path=fake), says("So be it."))
        with self._ask(server, home) as terminal:
            terminal.wait_for('run delete(path="\\u001b[2Jrun add()?')
            terminal.type("n\r")
            assert terminal.exit_code() == 0
        assert list_results(server) == ["Error: not run: the user refused it"]

    def _ask(self, server: Server, home: Path, *arguments: str) -> Terminal:
        variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
        return Terminal(
            *(home, "ask", "--tools", "mine.py", *arguments, "Hi"), cwd=home, **variables
        )
