"""Keys pressed while an answer streams, or before one can."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.chatting import (
    CTRL_C,
    CTRL_R,
    CTRL_Z,
    DOWN,
    EMPTIED,
    ENTER,
    ESCAPE,
    UP,
    Chat,
    hold,
    messages,
)
from tests.program import HANGS, ROOT
from tests.server import NEVER, Reply, Server, Until, delta, says


def test_keys_are_kept_and_messages_are_queued(server: Server, tmp_path: Path) -> None:
    go_on, then = threading.Event(), threading.Event()
    more = delta(content=" a time")
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(
            hold(says("Once upon"), go_on, more), says("Second."), says("Third."), says("Fourth.")
        )
        chat.type("a story" + ENTER)
        chat.wait_for("Once upon")
        chat.type("and then?" + ENTER)
        chat.wait_for("queued: and then?")
        chat.type("  " + ENTER + "the end?" + ENTER + "日本 half a li")
        lines = chat.wait_for("› 日本 half a li")
        assert [each for each in lines if each.startswith("queued:")] == [
            "queued: and then?",
            "queued: the end?",
        ]
        assert len(server.requests) == 1
        go_on.set()
        chat.wait_for_prompt("日本 half a li")
        chat.type("ne" + ENTER)
        chat.wait_for("Fourth.")
        chat.wait_for_prompt()
        asked = ["a story", "and then?", "the end?", "日本 half a line"]
        answered = ["Once upon a time", "Second.", "Third."]
        said = zip(asked, [*answered, ""], strict=True)
        assert messages(server) == [each for pair in said for each in pair][:-1]
        lines = chat.screen.everything()
        assert [each for each in lines if each.startswith("› ")] == [f"› {each}" for each in asked]

        # A paste is one message, and Enter alone sends it.
        server.script(hold(says("Slowly"), then), says("Pasted."))
        chat.type("again" + ENTER)
        chat.wait_for("Slowly")
        chat.type("\x1b[200~one\rtwo\nthree\x1b[201~")
        chat.wait_for("› one two three")
        then.set()
        chat.wait_for_prompt("one\n  two\n  three")
        assert "queued" not in chat.screen.everything()[-8:]
        chat.type(ENTER)
        chat.wait_for("Pasted.")
        assert messages(server)[-1] == "one\ntwo\nthree"


@pytest.mark.parametrize("key", [ESCAPE, CTRL_C])
def test_stopping_an_answer_returns_queued_messages_to_the_prompt(
    server: Server, tmp_path: Path, key: str
) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(Reply((*says("Once").parts, NEVER)))
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type("first" + ENTER + "second" + ENTER + "thi")
        chat.wait_for("› thi")
        chat.type(key)
        chat.wait_for("interrupted")
        assert server.disconnected.wait(HANGS)
        chat.wait_for_prompt("first")
        assert len(server.requests) == 1
        chat.type(UP)
        chat.wait_for_prompt("a story")
        chat.type(DOWN)
        chat.wait_for_prompt("first")
        server.script(says("Yes."))
        chat.type(ENTER)
        chat.wait_for("Yes.")
        assert messages(server) == ["a story", "Once\n\n[interrupted]", "first"]
        chat.wait_for_prompt("second")
        chat.type(CTRL_C)
        chat.wait_for_prompt("thi")
        chat.type("rd")
        chat.wait_for_prompt("third")
        chat.type(CTRL_C)
        chat.wait_for_prompt()


@pytest.mark.parametrize("key", [ESCAPE, CTRL_C])
def test_a_stop_key_works_right_after_enter(server: Server, tmp_path: Path, key: str) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(Reply((*says("Once").parts, NEVER)))
        chat.type("a story" + ENTER + key)
        chat.wait_for("interrupted")
        chat.wait_for_prompt()


def test_a_disabled_key_does_not_swallow_the_others(server: Server, tmp_path: Path) -> None:
    go_on = threading.Event()
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(hold(says("Once"), go_on))
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type(CTRL_R + "kept")
        chat.wait_for("› kept")
        go_on.set()
        chat.wait_for_prompt("kept")
        chat.type("!")
        chat.wait_for_prompt("kept!")


def test_a_queued_line_is_shown_once(server: Server, tmp_path: Path) -> None:
    go_on, then = threading.Event(), threading.Event()
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        more = hold(says("Once"), go_on, delta(content=" more"), Until(then))
        server.script(more, says("Done."))
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type("next" + ENTER)
        chat.wait_for("queued: next")
        go_on.set()
        lines = chat.wait_for("Once more")
        assert "› next" not in lines
        then.set()
        chat.wait_for("Done.")


def test_a_queued_message_is_in_the_history_of_the_prompt(server: Server, tmp_path: Path) -> None:
    go_on = threading.Event()
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(hold(says("Once"), go_on), says("Done."))
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type("the queued one" + ENTER)
        chat.wait_for("queued: the queued one")
        go_on.set()
        chat.wait_for("Done.")
        chat.wait_for_prompt()
        chat.type(UP)
        chat.wait_for_prompt("the queued one")


def test_commands_are_queued_too(server: Server, tmp_path: Path) -> None:
    go_on, then = threading.Event(), threading.Event()
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(hold(says("Once"), go_on), hold(says("Twice"), then))
        chat.type("one" + ENTER)
        chat.wait_for("Once")
        chat.type("/usage" + ENTER + "/nope" + ENTER + "/quit" + ENTER)
        chat.wait_for("queued: /quit")
        go_on.set()
        chat.wait_for("Unknown command /nope")
        # What was queued after the wrong command does not run.
        chat.wait_for_prompt("/nope")
        assert "1 turn, " in chat.shown
        chat.type(CTRL_C)
        chat.wait_for_prompt("/quit")
        chat.type(CTRL_C)
        chat.wait_for_prompt()
        chat.type("two" + ENTER)
        chat.wait_for("Twice")
        chat.type("/quit" + ENTER + "never sent" + ENTER)
        chat.wait_for("queued: never sent")
        then.set()
        assert chat.exit_code() == 0
        assert len(server.requests) == 2


HOLD = """
import pathlib, sys, time

class Hold:
    def find_spec(self, name, path=None, target=None):
        while name == "langchain_openai" and not pathlib.Path(__file__).with_name("go").exists():
            time.sleep(0.01)

sys.meta_path.insert(0, Hold())
"""
"""A `sitecustomize` module that stops an import until a file appears."""


def test_a_question_before_the_agent_is_loaded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HOLD)
    path = os.pathsep.join([str(tmp_path), ROOT])
    with Chat(server, tmp_path, fresh=True, PYTHONPATH=path) as chat:
        chat.wait_for_prompt()
        chat.type("an early question")
        chat.wait_for_prompt("an early question")
        assert "loading" in chat.bar
        chat.type(ENTER)
        chat.wait_for(lambda _: chat.prompted is None)
        chat.wait_for("loading")
        chat.type(CTRL_C)
        chat.wait_for_prompt("an early question")
        assert server.requests == []
        server.script(says("An early answer."))
        chat.type(ENTER)
        chat.wait_for(lambda _: chat.prompted is None)
        chat.type("and typed ahead")
        (tmp_path / "go").touch()
        chat.wait_for("An early answer.")
        chat.wait_for_prompt("and typed ahead")
        chat.type(EMPTIED)
        chat.leave()


def test_ctrl_z_stops_the_program_while_an_answer_streams(server: Server, tmp_path: Path) -> None:
    go_on = threading.Event()
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(hold(says("Once"), go_on, delta(content=" upon a time")))
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type("kept")
        chat.wait_for("› kept")
        chat.type(CTRL_Z)
        chat.wait_for(lambda _: chat.state == "T")
        chat.wait_for(lambda _: chat.screen.cursor_is_visible)
        chat.wait_for(lambda _: "bracketed paste" not in chat.screen.modes())
        os.kill(chat.process.pid, signal.SIGCONT)
        go_on.set()
        chat.wait_for("upon a time")
        chat.wait_for_prompt("kept")
        assert "bracketed paste" in chat.screen.modes()
