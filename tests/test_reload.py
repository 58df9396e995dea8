"""Editing the agent beside the chat: /reload, --watch and /traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chatting import CTRL_C, ENTER, Chat
from tests.graphs import said
from tests.program import run
from tests.server import Server, calls, says
from tests.targets import write, write_executor
from tests.test_agent_ask import write_graph

BROKEN = "agent = (1 +"
UNCLOSED = "✗ mine.py cannot be imported: SyntaxError: '(' was never closed"


def test_an_agent_is_broken_and_mended_within_a_chat(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."), says("Three."))
    agent = tmp_path / "mine.py"
    write_graph(agent, server)
    whole = agent.read_text()
    with Chat(server, tmp_path, "--agent", "mine.py", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        assert "One." in chat.send("first")
        assert "Two." in chat.send("second")
        write(agent, f"{whole}\n{BROKEN}\n")
        shown = chat.send("/reload")
        assert UNCLOSED in shown
        assert "The agent that was loaded before is still in use." in shown
        assert f"    {BROKEN}\n" in shown
        assert f"    {BROKEN}\n" in chat.send("/traceback")
        write(agent, whole.replace('"m"', '"another"'))
        assert "\nreloaded mine.py:agent: LangGraph graph (create_agent), 1 tool" in chat.send(
            "/reload"
        )
        assert "Three." in chat.send("/retry")
        assert server.requests[-1]["model"] == "another"
        assert said(server) == ["user: first", "assistant: One.", "user: second"]
        chat.leave()


def test_the_lines_where_a_turn_failed(server: Server, tmp_path: Path) -> None:
    write_executor(tmp_path / "mine.py", "return {}[input]")
    with Chat(server, tmp_path, "--agent", "mine.py", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        chat.expect_refusal("/traceback", "There is no traceback")
        assert "✗ KeyError: 'one' (/traceback shows where)" in chat.send("one")
        assert chat.send("/traceback").splitlines()[1:6] == [
            "Traceback (most recent call last):",
            '  File "mine.py", line 4, in invoke',
            "    return {}[input]",
            "           ~~^^^^^^^",
            "KeyError: 'one'",
        ]
        chat.leave()


def test_saving_a_file_reloads_the_agent_above_the_prompt(server: Server, tmp_path: Path) -> None:
    agent = write(tmp_path / "mine.py", BROKEN)
    with Chat(server, tmp_path, "--agent", "mine.py:agent", "--watch", cwd=tmp_path) as chat:
        chat.wait_for(f"    {BROKEN}")
        chat.type("typed")
        chat.wait_for_prompt("typed")
        write(tmp_path / "words.py", "ANSWER = 'One'")
        write_executor(
            agent,
            "import later",
            "return ANSWER + later.END",
            before="from words import ANSWER",
        )
        chat.wait_for("reloaded mine.py:agent: executor (Executor)")
        chat.wait_for_prompt("typed")
        write(tmp_path / "later.py", "END = '!'")
        chat.type(ENTER)
        chat.wait_for("One!")
        # A file that the turn has imported is watched from then on, as are all others.
        for name, text in (("later.py", "END = '?'"), ("words.py", "ANSWER = 'Two'")):
            count = chat.shown.count("reloaded")
            write(tmp_path / name, text)
            chat.wait_for(lambda _, count=count: chat.shown.count("reloaded") == count + 1)
        assert "Two?" in chat.send("typed")
        write(agent, BROKEN)
        chat.wait_for(lambda _: chat.shown.count("was never closed") == 4)
        assert "Two?" in chat.send("typed")
        chat.leave()


def test_a_file_that_is_saved_during_a_turn_counts_from_the_next_question_on(
    server: Server, tmp_path: Path
) -> None:
    lines = (
        "while not Path('go').exists(): await asyncio.sleep(0.01)",
        "return f'One {input}'",
    )
    before = "import asyncio\nfrom pathlib import Path"
    agent = write_executor(tmp_path / "mine.py", *lines, before=before)
    with Chat(server, tmp_path, "--agent", "mine.py", "--watch", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        chat.type(f"first{ENTER}second{ENTER}")
        chat.wait_for("queued: second")
        write_executor(agent, "return f'Two {input}'")
        (tmp_path / "go").touch()
        chat.wait_for("Two second")
        lines_shown = [each.strip() for each in chat.screen.everything()]
        reloaded = lines_shown.index("reloaded mine.py:agent: executor (Executor)")
        assert any("One first" in each for each in lines_shown[:reloaded])
        assert not any("Two second" in each for each in lines_shown[:reloaded])
        chat.leave()


def test_a_reload_leaves_a_tool_behind_that_never_ends(server: Server, tmp_path: Path) -> None:
    server.script(calls("hang"), says("Free."))
    write(
        tmp_path / "mine.py",
        f"""
        import threading
        from langchain.agents import create_agent
        from langchain_core.tools import tool
        from langchain_openai import ChatOpenAI


        @tool
        async def hang() -> str:
            "Block the event loop."
            threading.Event().wait()


        model = ChatOpenAI(model="m", base_url={server.url!r}, api_key="sk", max_retries=0)
        agent = create_agent(model, [hang])
        """,
    )
    with Chat(server, tmp_path, "--agent", "mine.py", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        chat.type(f"one{ENTER}")
        chat.wait_for("hang()")
        chat.type(CTRL_C)
        chat.wait_for("interrupted")
        shown = " ".join(chat.send("two").split())
        assert "it is in hang (mine.py:11); /reload starts the agent anew" in shown
        assert "reloaded mine.py:agent" in chat.send("/reload")
        assert "Free." in chat.send("/retry")
        chat.leave()


@pytest.mark.parametrize("command", ["/reload", "/traceback"])
def test_a_model_cannot_be_reloaded(command: str, server: Server, tmp_path: Path) -> None:
    done = run(tmp_path, "repl", stdin=command, OPENAI_BASE_URL=server.url)
    assert done.stderr == (
        f"error: {command} is for an agent of your own: streamchat --agent FILE.py:NAME\n"
    )


def test_watching_needs_an_agent(tmp_path: Path) -> None:
    done = run(tmp_path, "--watch")
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == "error: --watch needs an agent of your own: --agent FILE.py:NAME\n"


def test_a_script_reloads(tmp_path: Path) -> None:
    agent = write_executor(tmp_path / "mine.py", "Path('mine.py').write_text('agent = (1 +')")
    text = "from pathlib import Path\n" + agent.read_text() + "\n"
    write(agent, text)
    lines = "one\n/reload\n"
    done = run(tmp_path, "repl", "--agent", "mine.py", stdin=lines, cwd=tmp_path)
    assert done.stderr.splitlines()[-1].startswith("error: mine.py cannot be imported: ")
    write_executor(agent, "return 'One'")
    done = run(tmp_path, "repl", "--agent", "mine.py", stdin="/reload\none\n", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("reloaded mine.py:agent: executor (Executor)\nOne\n", "")
