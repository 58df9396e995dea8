"""`ask --agent`: the user's own agent on pipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.event_schema import check_lines
from tests.program import Terminal, run
from tests.server import Server, calls, says
from tests.targets import write, write_executor

QUESTION = "What is 10 + 10?"
GRAPH = """
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    def add(x: float, y: float) -> float:
        "Add two numbers."
        return x + y

    model = ChatOpenAI(model="m", base_url="{url}", api_key="sk-secret")
    agent = create_agent(model, [add])
"""


def write_graph(path: Path, server: Server) -> None:
    write(path, GRAPH.replace("{url}", server.url))


@pytest.fixture
def graph(server: Server, tmp_path: Path) -> str:
    """The place of a graph that adds 10 and 10."""
    server.script(calls("add", x=10, y=10), says("It is", " 20."))
    write_graph(tmp_path / "mine.py", server)
    return "mine.py:agent"


def test_the_answer_of_a_graph(graph: str, tmp_path: Path) -> None:
    done = run(tmp_path, "ask", "--agent", graph, QUESTION, cwd=tmp_path, fresh=True)
    assert (done.stdout, done.stderr, done.returncode) == ("It is 20.\n", "", 0)


def test_json(graph: str, tmp_path: Path) -> None:
    done = run(tmp_path, "ask", "--agent", graph, QUESTION, "--json", cwd=tmp_path)
    events = check_lines(done.stdout)
    assert (events[0]["version"], events[0]["model"]) == (1, "mine.py:agent")
    types = [event["type"] for event in events]
    assert [each for each in types if each.startswith("tool_")] == [
        *("tool_call_started", "tool_started", "tool_finished"),
    ]
    assert types[-1] == "turn_done"
    assert sum(each.startswith("turn_") for each in types) == 2


@pytest.mark.parametrize("where", ["variable", "profile"])
def test_an_agent_of_the_environment_or_a_profile(where: str, tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", "return 'Mine.'")
    config = write(tmp_path / "config.toml", '[profile.p]\nagent = "mine.py:agent"\n')
    variables = {"STREAMCHAT_CONFIG": str(config)}
    variables |= {"variable": {"STREAMCHAT_AGENT": "mine.py:agent"}, "profile": {}}[where]
    flags = {"variable": (), "profile": ("--profile", "p")}[where]
    done = run(tmp_path, "ask", *flags, QUESTION, cwd=tmp_path, **variables)
    assert (done.stdout, done.stderr) == ("Mine.\n", "")


def test_what_the_file_prints_goes_to_standard_error(tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", "return 'Mine.'", before="print('Load\\x1bing')")
    done = run(tmp_path, "ask", "--agent", "mine.py", QUESTION, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("Mine.\n", "Load\\x1bing\n")


def test_what_a_child_process_prints_goes_to_standard_error(tmp_path: Path) -> None:
    body = ("os.system('echo child')", "return 'Mine.'")
    write_executor(tmp_path / "mine.py", *body, before="import os\nos.write(1, b'written\\n')")
    done = run(tmp_path, "ask", "--agent", "mine.py", QUESTION, "--json", cwd=tmp_path)
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()][-1] == "turn_done"
    assert done.stderr == "written\nchild\n"


def test_on_a_terminal_nothing_is_printed_into_the_spinner(tmp_path: Path) -> None:
    write_executor(
        tmp_path / "mine.py",
        "return 'Mine.'",
        before="import time\nfor n in range(20):\n    print(n)\n    time.sleep(0.02)",
    )
    arguments = ("ask", "--agent", "mine.py", QUESTION)
    with Terminal(tmp_path, *arguments, lines=40, cwd=tmp_path) as terminal:
        assert terminal.exit_code() == 0
        lines = [each for each in terminal.screen.everything() if each]
        assert lines[:20] == [str(n) for n in range(20)]
        assert lines[21] == "Mine."
        assert "loading mine.py" in terminal.written


def test_an_interrupt_while_the_file_hangs(tmp_path: Path) -> None:
    write(tmp_path / "mine.py", "import threading\nthreading.Event().wait()\n")
    with Terminal(tmp_path, "ask", "--agent", "mine.py", QUESTION, cwd=tmp_path) as terminal:
        terminal.wait_until_written("loading mine.py")
        terminal.type("\x03")
        assert terminal.exit_code() == 130
        assert "interrupted" in terminal.written


def test_an_error_in_the_file_is_one_line(tmp_path: Path) -> None:
    write(tmp_path / "mine.py", "import os\nagent = (\n")
    done = run(tmp_path, "ask", "--agent", "mine.py:agent", QUESTION, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "error: mine.py cannot be imported: SyntaxError: '(' was never closed (mine.py:2)\n"
    )
    (event,) = map(json.loads, done.stdout.splitlines())
    assert event["type"] == "turn_failed"


def test_verbose_shows_where_the_file_fails(tmp_path: Path) -> None:
    write(tmp_path / "mine.py", "def connect():\n    raise OSError('refused')\nconnect()\n")
    done = run(tmp_path, "ask", "--agent", "mine.py:agent", QUESTION, "-v", cwd=tmp_path)
    first, *frames, error, last = done.stderr.splitlines()
    assert first == "Traceback (most recent call last):"
    assert [each for each in frames if "File" in each] == [
        '  File "mine.py", line 3, in <module>',
        '  File "mine.py", line 2, in connect',
    ]
    assert error == "OSError: refused"
    assert last.startswith("error: mine.py cannot be imported: OSError: refused (")


def test_a_failure_names_the_line_of_the_user_s_code(tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", "raise KeyError('one')")
    done = run(tmp_path, "ask", "--agent", "mine.py", QUESTION, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "error: KeyError: 'one' (mine.py:4)\n")


def test_a_wrong_name_is_answered_with_the_right_one(tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", "return 'Mine.'")
    done = run(tmp_path, "ask", "--agent", "mine.py:agnt", QUESTION, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: mine.py has no 'agnt'; did you mean 'agent'?\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--agent", "a/b"], "--agent: 'a/b' names no Python file or module; name an agent as "),
        (["--agent", "a.py", "-m", "m"], "--model cannot be combined with --agent: an agent has "),
        (["--agent", "a.py", "--no-tools"], "--no-tools cannot be combined with --agent: "),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run(tmp_path, "ask", *arguments, QUESTION)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
