"""Answering what the agent asks, in the chat."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from subprocess import PIPE

from tests.chatting import CTRL_C, CTRL_D, EMPTIED, ENTER, ESCAPE, Chat
from tests.program import run, start
from tests.server import Server, calls, says
from tests.targets import write

CHOICE = "approve, edit, reject or respond?"
KEYS = "y once · a always in this chat · n no · e edit · r respond · Esc stop"


def write_careful_agent(server: Server, home: Path) -> str:
    """Write a file with an agent whose calls have to be approved; return its name."""
    agent = write(
        home / "mine.py",
        f"""
        from langchain.agents import create_agent
        from langchain.agents.middleware import HumanInTheLoopMiddleware
        from langchain_openai import ChatOpenAI
        from langgraph.checkpoint.memory import InMemorySaver


        def multiply(x: float, y: float) -> float:
            "Multiply two numbers."
            return x * y


        model = ChatOpenAI(model="m", base_url={server.url!r}, api_key="sk", max_retries=0)
        approval = HumanInTheLoopMiddleware({{"multiply": True}})
        saver = InMemorySaver()
        agent = create_agent(model, [multiply], middleware=[approval], checkpointer=saver)
        """,
    )
    return f"{agent}:agent"


def test_a_key_decides_about_each_call(server: Server, tmp_path: Path) -> None:
    agent = write_careful_agent(server, tmp_path)
    editor = write_editor(tmp_path, "5", '{"x": 5, "y": 5}')
    with Chat(server, tmp_path, "--agent", agent, EDITOR=editor) as chat:
        chat.wait_until_ready()

        server.script(calls("multiply", x=3, y=4), says("25."))
        chat.type(f"3 * 4?{ENTER}")
        chat.wait_for(KEYS)
        chat.press("xe")
        chat.wait_for("edit takes the new arguments as a JSON object")
        chat.press("e")
        chat.wait_for_prompt()
        assert "25.0" in chat.shown
        assert KEYS not in chat.shown

        two = calls("multiply", id="a", x=1, y=2) + calls("multiply", id="b", x=3, y=4)
        server.script(two, says("Done."))
        chat.type(f"both{ENTER}")
        chat.wait_for("? 1 of 2: run multiply?")
        chat.press("y")
        chat.wait_for("? 2 of 2: run multiply?")
        chat.press("n")
        chat.wait_for("why (may be empty):")
        chat.type(f"too big{ENTER}")
        chat.wait_for("Done.")
        assert find_results(server)["a"] == "2.0"
        assert "too big" in find_results(server)["b"]
        chat.wait_for_prompt()

        server.script(calls("multiply", id="c", x=1, y=2), says("Four."))
        chat.type(f"again{ENTER}")
        chat.wait_for(KEYS)
        chat.press("r")
        chat.wait_for("instead of the result:")
        chat.type(f"4{ENTER}")
        chat.wait_for("Four.")
        assert find_results(server)["c"] == "4"
        chat.wait_for_prompt()

        # Of several calls, too, the others are not asked about.
        server.script(two, says("Both."), calls("multiply", x=1, y=2), says("Not asked."))
        chat.type(f"always{ENTER}")
        chat.wait_for("? 1 of 2: run multiply?")
        chat.press("a")
        chat.wait_for("Both.")
        chat.wait_for_prompt()
        chat.type(f"once more{ENTER}")
        chat.wait_for("Not asked.")
        chat.wait_for_prompt()
        chat.leave()


def find_results(server: Server) -> dict[str, str]:
    """Return the results that the model was sent last, by the IDs of their calls."""
    messages = server.requests[-1]["messages"]
    return {each["tool_call_id"]: each["content"] for each in messages if each["role"] == "tool"}


def write_editor(home: Path, *texts: str) -> str:
    """Write an editor that saves one text after the other; return its path."""
    for number, text in enumerate(texts):
        (home / f"text{number}").write_text(text, encoding="utf-8")
    editor = home / "editor"
    editor.write_text(f'#!/bin/sh\nset -- "$1" {home}/text*\nmv "$2" "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    return str(editor)


def test_words_decide_where_a_key_cannot(server: Server, tmp_path: Path) -> None:
    agent = write_careful_agent(server, tmp_path)
    with Chat(server, tmp_path, "--agent", agent, TERM="dumb") as chat:
        chat.wait_for(lambda lines: lines[-1:] == [">"])

        server.script(calls("multiply", x=3, y=4), says("25."))
        chat.type(f"3 * 4?{ENTER}")
        chat.wait_for(CHOICE)
        chat.type(f"r{ENTER}")
        chat.wait_for("r could be reject or respond: type rej or res")
        chat.type(f"edit {{5{ENTER}")
        chat.wait_for("edit takes the new arguments as a JSON object")
        chat.wait_for(lambda lines: lines[-1] == f"{CHOICE} edit {{5" and chat.is_raw)
        chat.type(f'{EMPTIED}edit {{"x": 5, "y": 5}}{ENTER}')
        chat.wait_for("25.0")
        chat.wait_for(lambda lines: lines[-1:] == [">"])

        two = calls("multiply", id="a", x=1, y=2) + calls("multiply", id="b", x=3, y=4)
        server.script(two, says("Done."))
        chat.type(f"both{ENTER}")
        chat.wait_for(f"1 of 2, multiply: {CHOICE}")
        chat.type(f"a{ENTER}")
        chat.wait_for(f"2 of 2, multiply: {CHOICE}")
        chat.type(f"rej{ENTER}")
        chat.wait_for("why (may be empty):")
        chat.type(f"too big{ENTER}")
        chat.wait_for("Done.")
        assert find_results(server)["a"] == "2.0"
        assert "too big" in find_results(server)["b"]


def test_a_question_stops_the_turn_on_request_and_keeps_what_was_typed(
    server: Server, tmp_path: Path
) -> None:
    agent = write_careful_agent(server, tmp_path)
    with Chat(server, tmp_path, "--agent", agent) as chat:
        chat.wait_until_ready()
        for number, key in enumerate((CTRL_C, ESCAPE), 1):
            server.script(calls("multiply", x=3, y=4))
            chat.type(f"go{ENTER}and then{ENTER}a draft")
            chat.wait_for(KEYS)
            chat.type(CTRL_D)
            chat.type(key)
            chat.wait_for_prompt("and then")
            assert chat.shown.count("interrupted") == number
            chat.type(CTRL_C)
            chat.wait_for_prompt("a draft")
            chat.type(EMPTIED)
            chat.wait_for_prompt()
        assert len(server.requests) == 2
        chat.leave()


def test_a_node_asks_for_words(server: Server, tmp_path: Path) -> None:
    write(
        tmp_path / "mine.py",
        """
        from langgraph.checkpoint.memory import InMemorySaver
        from langgraph.graph import START, MessagesState, StateGraph
        from langgraph.types import interrupt


        def node(state):
            return {"messages": [("ai", f"It rains in {interrupt('Which city?')}.")]}


        agent = StateGraph(MessagesState).add_node(node).add_edge(START, "node")
        agent = agent.compile(checkpointer=InMemorySaver())
        """,
    )
    with Chat(server, tmp_path, "--agent", f"{tmp_path}/mine.py:agent") as chat:
        chat.wait_until_ready()
        chat.type(f"Where?{ENTER}")
        chat.wait_for("answer:")
        chat.type(f"{ENTER}")
        chat.wait_for(lambda _: chat.shown.count("answer:") == 2)
        chat.type(f"Paris{ENTER}")
        chat.wait_for("It rains in Paris.")
        chat.wait_for_prompt()
        chat.leave()


def test_a_script_answers_with_its_next_line(server: Server, tmp_path: Path) -> None:
    agent = write_careful_agent(server, tmp_path)
    twice = [calls("multiply", x=3, y=4), says("12.")]
    server.script(*twice, says("Two."), calls("multiply", x=3, y=4), calls("multiply", x=3, y=4))
    lines = "3 * 4?\n\napprove\nand?\n3 * 4?\nmaybe\n3 * 4?\n"
    done = run(tmp_path, "repl", "--agent", agent, stdin=lines)
    assert done.stdout == "12.\nTwo.\n"
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        "error: the next line does not answer the agent's question: "
        "type approve, edit {JSON}, reject: WHY or respond: TEXT",
        "error: standard input has ended before the agent's question was answered",
    ]
    assert done.returncode == 1


def test_ctrl_c_stops_a_script_s_turn_and_loses_no_line(server: Server, tmp_path: Path) -> None:
    agent = write_careful_agent(server, tmp_path)
    server.script(calls("multiply", x=3, y=4), says("Again."))
    options = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
    with start(tmp_path, "repl", "--agent", agent, options=options) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(b"3 * 4?\n")
        process.stdin.flush()
        asked = b""
        while b"multiply(x=3, y=4)" not in asked:
            asked += os.read(process.stderr.fileno(), 4096)
        process.send_signal(signal.SIGINT)
        while b"interrupted" not in asked:
            asked += os.read(process.stderr.fileno(), 4096)
        out, _ = process.communicate(b"again\n")
    assert out == b"Again.\n"
