"""A chat with the user's own agent."""

from __future__ import annotations

from pathlib import Path

from tests.chatting import CTRL_C, CTRL_D, ENTER, ESCAPE, Chat
from tests.graphs import said
from tests.program import run
from tests.server import Server, says
from tests.targets import write, write_executor
from tests.test_agent_ask import write_graph

ECHO = "return f'You said {input}'"


def test_a_chat_names_the_agent_and_what_it_is(server: Server, tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", ECHO, before="print('Loading')")
    with Chat(server, tmp_path, "--agent", "mine.py:agent", cwd=tmp_path) as chat:
        chat.wait_for("executor (Executor)")
        chat.wait_until_ready()
        assert chat.bar.startswith("mine.py:agent · ")
        lines = chat.screen.everything()
        assert lines[0].endswith(" · mine.py:agent")
        assert lines[3:6] == ["Loading", " executor (Executor)", "›"]
        assert "You said hello" in chat.send("hello")
        assert "mine.py:agent: executor (Executor)" in chat.send("/tools")
        chat.expect_refusal("/model gpt", "has its own model")
        chat.leave()
        assert "streamchat --agent mine.py:agent --resume " in chat.shown
    assert server.visits == []


def test_an_agent_that_cannot_be_loaded_can_be_corrected(server: Server, tmp_path: Path) -> None:
    agent = write(tmp_path / "mine.py", "print('Loading')\nraise ValueError('no key')\n")
    with Chat(server, tmp_path, "--agent", "mine.py:agent", cwd=tmp_path) as chat:
        chat.wait_for("ValueError: no key")
        chat.wait_for(lambda _: "no agent" in chat.bar)
        lines = chat.screen.everything()[3:]
        assert lines[:2] == [
            "Loading",
            "✗ mine.py cannot be imported: ValueError: no key (mine.py:2)",
        ]
        assert '  File "mine.py", line 2, in <module>' in lines
        chat.type("one" + ENTER)
        chat.wait_for(lambda lines: sum("Traceback" in each for each in lines) > 1)
        chat.wait_for_prompt("one")
        write_executor(agent, ECHO)
        chat.type(ENTER)
        chat.wait_for("You said one")
        assert chat.shown.count("Traceback") == 2
        chat.leave()


def test_the_user_can_type_and_leave_while_the_file_hangs(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", "import threading\nthreading.Event().wait()\n")
    with Chat(server, tmp_path, "--agent", "mine.py:agent", cwd=tmp_path) as chat:
        chat.wait_for_prompt()
        chat.wait_for(lambda _: chat.bar.endswith("loading"))
        chat.type("one" + ENTER)
        chat.wait_for(lambda lines: lines[-1].endswith(" loading"))
        chat.type("two" + ENTER + "three")
        # What is typed stands below the one line that moves.
        chat.wait_for(lambda lines: lines[-2:] == ["queued: two", "› three"])
        assert "waiting for the model" not in chat.shown
        for waits in ("one", "two", "three"):
            chat.type(CTRL_C)
            chat.wait_for_prompt(waits)
        chat.type(CTRL_C)
        chat.wait_for_prompt()
        chat.type(CTRL_D)
        assert chat.exit_code() == 0


def test_what_the_agent_prints_between_turns_is_shown_above_the_prompt(
    server: Server, tmp_path: Path
) -> None:
    write_executor(
        tmp_path / "mine.py",
        "threading.Timer(0.5, print, ['Later', input]).start()",
        "return 'Now'",
        before="import threading",
    )
    with Chat(server, tmp_path, "--agent", "mine.py:agent", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("one" + ENTER)
        chat.wait_for("Later one")
        chat.type("typed")
        chat.wait_for_prompt("typed")
        lines = chat.screen.everything()
        assert lines[lines.index("Later one") + 1] == "› typed"


def test_a_turn_that_hangs_is_interrupted(server: Server, tmp_path: Path) -> None:
    write_executor(
        tmp_path / "mine.py",
        "if input == 'hang':",
        "    pathlib.Path('hangs').touch()",
        "    await asyncio.Event().wait()",
        ECHO,
        before="import asyncio, pathlib",
    )
    with Chat(server, tmp_path, "--agent", "mine.py:agent", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        for count, key in enumerate((CTRL_C, ESCAPE), 1):
            chat.type("hang" + ENTER)
            chat.wait_for(lambda _: (tmp_path / "hangs").exists())
            chat.type(key)
            chat.wait_for(lambda _, count=count: chat.shown.count("interrupted") == count)
            chat.wait_for_prompt()
            (tmp_path / "hangs").unlink()
        assert "You said again" in chat.send("again")
        chat.leave()


def test_a_script_keeps_its_history(server: Server, tmp_path: Path) -> None:
    server.script(says("First."), says("Second."), says("Third."))
    write_graph(tmp_path / "mine.py", server)
    done = run(tmp_path, "--agent", "mine.py:agent", stdin="one\ntwo\n", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("First.\nSecond.\n", "", 0)
    assert said(server) == ["user: one", "assistant: First.", "user: two"]
    # A session goes on with the agent, and says so if it cannot.
    flags = ("--agent", "mine.py")
    done = run(tmp_path, "ask", "--continue", *flags, "three", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("Third.\n", "")
    assert said(server)[:4] == ["user: one", "assistant: First.", "user: two", "assistant: Second."]


def test_a_session_of_an_agent_that_a_model_goes_on_with(server: Server, tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", ECHO)
    run(tmp_path, "ask", "--agent", "mine.py", "one", cwd=tmp_path)
    server.script(says("Two."))
    model = {"OPENAI_BASE_URL": server.url}
    done = run(tmp_path, "ask", "--continue", "two", cwd=tmp_path, **model)
    assert done.stdout == "Two.\n"
    assert done.stderr == (
        "continuing with gpt-4o-mini; the session used mine.py:agent "
        "(--agent mine.py:agent goes on with that)\n"
    )
    assert said(server) == ["user: one", "assistant: You said one", "user: two"]


def test_a_session_of_a_model_that_an_agent_goes_on_with(server: Server, tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", ECHO)
    server.script(says("One."))
    run(tmp_path, "ask", "one", OPENAI_BASE_URL=server.url)
    flags = ("--continue", "--agent", "mine.py:agent")
    done = run(tmp_path, *flags, stdin="two\n", cwd=tmp_path, STREAMCHAT_MODEL="m")
    assert done.stdout == "You said two\n"
    assert done.stderr == "continuing with mine.py:agent; the session used gpt-4o-mini\n"


def test_sessions_of_agents_and_models_are_resumed_within_a_chat(
    server: Server, tmp_path: Path
) -> None:
    write_executor(tmp_path / "mine.py", ECHO)
    server.script(says("One."), says("Four."))
    model = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
    run(tmp_path, "ask", "one", **model)
    run(tmp_path, "ask", "--agent", "mine.py", "two", cwd=tmp_path)
    of_agent, of_model = (
        line.split()[0] for line in run(tmp_path, "sessions", "list").stdout.splitlines()
    )
    lines = f"/resume {of_model}\nthree\n"
    done = run(tmp_path, "repl", "--agent", "mine.py", stdin=lines, cwd=tmp_path, **model)
    assert done.stdout == "You said three\n"
    assert done.stderr == "continuing with mine.py; the session used gpt-4o-mini\n"
    done = run(tmp_path, "repl", stdin=f"/resume {of_agent}\nfour\n", **model)
    assert done.stdout == "Four.\n"
    assert "the session used mine.py:agent (--agent mine.py:agent goes on" in done.stderr


def test_a_script_ends_if_there_is_no_agent(tmp_path: Path) -> None:
    write(tmp_path / "mine.py", "print('Loading')\nagent = None\n")
    done = run(tmp_path, "repl", "--agent", "mine.py:agent", stdin="one\n", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 1)
    loading, error = done.stderr.splitlines()
    assert loading == "Loading"
    assert error.startswith("error: mine.py:agent is None; ")
