"""`ask --agent` with an agent that stops to ask, and what answers it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.event_schema import check_lines
from tests.program import Terminal, run
from tests.server import Server, Until, calls, says, wait_for_request
from tests.targets import write

CITY = """
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.types import interrupt

    def check(state):
        city = interrupt("Which city?")
        days = interrupt({"days": [1, 2]})
        return {"messages": [("ai", f"{city!r}, {days!r}")]}

    graph = StateGraph(MessagesState).add_node("check", check).add_edge(START, "check")
    agent = graph.compile(checkpointer=InMemorySaver())
"""
"""Asks twice, and answers with the answers."""
CAREFUL = """
    from langchain.agents import create_agent
    from langchain.agents.middleware import HumanInTheLoopMiddleware
    from langchain_openai import ChatOpenAI
    from langgraph.checkpoint.memory import InMemorySaver

    def add(x: float, y: float) -> float:
        "Add two numbers."
        return x + y

    model = ChatOpenAI(model="m", base_url="{url}", api_key="sk-secret")
    gate = HumanInTheLoopMiddleware({"add": {"allowed_decisions": ["approve", "reject"]}})
    agent = create_agent(model, [add], middleware=[gate], checkpointer=InMemorySaver())
"""
"""Has every call approved."""


def ask(folder: Path, *values: str, options: tuple[str, ...] = ()) -> CompletedProcess[str]:
    flags = [part for value in values for part in ("--resume-value", value)]
    arguments = ("ask", "--agent", "mine.py:agent", *options, *flags, "Plan a trip.")
    return run(folder, *arguments, cwd=folder)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    write(tmp_path / "mine.py", CITY)
    return tmp_path


@pytest.fixture
def careful(server: Server, tmp_path: Path) -> Path:
    write(tmp_path / "mine.py", CAREFUL.replace("{url}", server.url))
    server.script(calls("add", x=10, y=10), says("It is 20."))
    return tmp_path


def test_a_question_that_nobody_can_answer_is_an_error(careful: Path) -> None:
    done = ask(careful)
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == (
        "error: the agent asks whether to run add(x=10, y=10); "
        "answer with --resume-value (approve, reject) or in the chat\n"
    )


def test_each_question_takes_the_next_value(city: Path) -> None:
    done = ask(city, "Paris, Texas", '{"days": 2}')
    assert (done.stdout, done.returncode) == ("'Paris, Texas', {'days': 2}\n", 0)
    assert "not used" not in done.stderr


def test_the_question_that_is_left_is_named(city: Path) -> None:
    done = ask(city, "Paris", options=("--json",))
    assert done.returncode == 1
    assert done.stderr == (
        'error: the agent asks: {"days": [1, 2]}; '
        "answer with one more --resume-value (TEXT) or in the chat\n"
    )
    events = check_lines(done.stdout)
    assert [each["type"] for each in events if each["type"].startswith(("input", "turn"))] == [
        *("turn_started", "input_requested", "input_received", "turn_failed"),
    ]


def test_an_approved_call_runs_and_values_left_over_are_noted(
    server: Server, careful: Path
) -> None:
    done = ask(careful, "approve", "and Rome")
    assert (done.stdout, done.returncode) == ("It is 20.\n", 0)
    assert done.stderr.splitlines()[-1] == "not used: --resume-value 'and Rome'"
    assert server.requests[-1]["messages"][-1]["content"] == "20.0"


class TestTwoCalls:
    """What is said about one call does not run the other."""

    @pytest.fixture(autouse=True)
    def script(self, server: Server, careful: Path) -> None:
        both = calls("add", x=10, y=10, id="one") + calls("add", x=1, y=1, id="two")
        server.script(both, says("I see."))

    def results(self, server: Server) -> dict[str, str]:
        messages = server.requests[-1]["messages"][-2:]
        return {each["tool_call_id"]: each["content"] for each in messages}

    def test_each_takes_a_value(self, server: Server, careful: Path) -> None:
        done = ask(careful, "approve", "reject: no")
        assert (done.stdout, done.returncode) == ("I see.\n", 0)
        assert "not used" not in done.stderr
        results = self.results(server)
        assert results["one"] == "20.0"
        assert results["two"].endswith("reason: no")

    def test_the_only_value_is_for_both(self, server: Server, careful: Path) -> None:
        assert ask(careful, "approve").returncode == 0
        assert self.results(server) == {"one": "20.0", "two": "2.0"}

    def test_each_is_asked_on_a_terminal(self, server: Server, careful: Path) -> None:
        agent = f"{careful}/mine.py:agent"
        with Terminal(careful, "ask", "--agent", agent, "10 + 10?") as terminal:
            terminal.wait_for("1 of 2, add: your answer (approve, reject):")
            terminal.type("a\r")
            terminal.wait_for("2 of 2, add: your answer (approve, reject):")
            terminal.type("rej\r")
            assert terminal.exit_code() == 0
        assert self.results(server)["two"] != "2.0"

    def test_each_takes_a_line_in_a_piped_chat(self, server: Server, careful: Path) -> None:
        lines = "10 + 10?\napprove\nreject\n"
        done = run(careful, "repl", "--agent", f"{careful}/mine.py:agent", stdin=lines)
        assert (done.stdout, done.returncode) == ("I see.\n", 0)
        assert self.results(server)["two"] != "2.0"


def test_a_rejected_call_does_not_run(server: Server, careful: Path) -> None:
    assert ask(careful, "reject: too easy").returncode == 0
    result = server.requests[-1]["messages"][-1]
    assert result["role"] == "tool"
    assert "too easy" in result["content"]


def test_a_value_that_is_no_decision_fails_the_turn(server: Server, careful: Path) -> None:
    done = ask(careful, "perhaps")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.splitlines()[-1] == (
        "error: --resume-value 'perhaps' is no answer: the agent asks whether to run "
        "add(x=10, y=10); type approve or reject: WHY"
    )
    assert len(server.requests) == 1


def test_values_are_for_agents_only(tmp_path: Path) -> None:
    done = run(tmp_path, "ask", "--resume-value", "yes", "Hi")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --resume-value is for an agent; name one: --agent ")


class TestOnATerminal:
    """Without the option, the user is asked."""

    @pytest.fixture
    def terminal(self, careful: Path) -> Iterator[Terminal]:
        agent = f"{careful}/mine.py:agent"
        with Terminal(careful, "ask", "--agent", agent, "What is 10 + 10?") as terminal:
            terminal.wait_for("your answer (approve, reject):")
            yield terminal

    def test_the_answer_is_typed(self, server: Server, terminal: Terminal) -> None:
        assert terminal.echoes
        terminal.type("perhaps\r")
        terminal.wait_for("type approve or reject: WHY")
        terminal.type("a\r")
        terminal.wait_for("It is 20.")
        assert terminal.exit_code() == 0
        assert server.requests[-1]["messages"][-1]["content"] == "20.0"

    def test_what_was_typed_before_approves_nothing(self, server: Server, careful: Path) -> None:
        typed = threading.Event()
        server.script(calls("add", x=10, y=10).but(before=(Until(typed),)), says("As you like."))
        agent = f"{careful}/mine.py:agent"
        with Terminal(careful, "ask", "--agent", agent, "10 + 10?", "--plain") as terminal:
            wait_for_request(server)
            terminal.type("approve\r")
            typed.set()
            terminal.wait_for("your answer (approve, reject):")
            terminal.type("reject\r")
            terminal.wait_for("As you like.")
            assert terminal.exit_code() == 0
        assert server.requests[-1]["messages"][-1]["content"] != "20.0"

    @pytest.mark.parametrize("key", ["\x03", "\x04"])
    def test_ctrl_c_and_ctrl_d_end_the_turn(self, terminal: Terminal, key: str) -> None:
        terminal.type(key)
        assert terminal.exit_code() == 130
        assert "interrupted" in terminal.screen.everything()[-1]
