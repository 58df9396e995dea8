"""What a user at the terminal sees of calls that wait or run, and the keys for them."""

from __future__ import annotations

import os
import re
import signal
import termios
import threading
from pathlib import Path

import pytest

from tests.chatting import CTRL_C, CTRL_Z, EMPTIED, ENTER, ESCAPE, Chat, messages
from tests.program import HANGS
from tests.server import NEVER, Reply, Server, Until, call_delta, calls, says
from tests.targets import write
from tests.test_answering import write_editor
from tests.test_own_tools import list_results

KEYS = "y once · a always in this chat · n no · e edit · Esc stop"
DELETE = '''
    def delete(path: str) -> str:
        """Delete a file."""
        return f"{path[:20]} is gone"

    def look(path: str) -> str:
        """Look at a file."""
        return f"{path} is there"
'''


class Asked(Chat):
    """A chat whose model may delete files and look at them."""

    def __init__(self, server: Server, home: Path, *arguments: str, **options: str) -> None:
        write(home / "mine.py", DELETE)
        super().__init__(server, home, "--tools", "mine.py", *arguments, cwd=home, **options)
        self.server = server

    def ask(self, *replies: Reply, question: str = "Go") -> None:
        """Send a question whose replies are these."""
        self.wait_until_ready()
        self.server.script(*replies)
        self.type(question + ENTER)

    def expect_question(self, call: str) -> None:
        """Wait until it is asked whether this call may run."""
        self.wait_for(lambda _: self.find_question() == [f"? run {call}?", KEYS])


def test_a_call_runs_once_its_user_says_so(server: Server, tmp_path: Path) -> None:
    with Asked(server, tmp_path) as chat:
        chat.ask(calls("delete", path="notes.txt"), says("Done."))
        chat.expect_question('delete(path="notes.txt")')
        assert "waiting for approval" in chat.shown
        chat.type(ENTER)
        chat.press("xy")
        chat.wait_for("Done.")
        assert list_results(server) == ["notes.txt is gone"]
        assert " approved · " in chat.shown
        assert KEYS not in chat.shown
        assert "? run" not in chat.shown
        chat.wait_for_prompt()

        chat.ask(calls("delete", path="notes.txt"), says("I see."))
        chat.expect_question('delete(path="notes.txt")')
        chat.press("n")
        chat.wait_for("why (may be empty):")
        assert 'run delete(path="notes.txt")?' in chat.shown
        chat.type("I need" + CTRL_Z)
        chat.wait_for(lambda _: chat.state == "T")
        let_shell_use(chat)
        os.kill(chat.process.pid, signal.SIGCONT)
        chat.wait_for(lambda _: chat.is_raw)
        chat.type(" them" + ENTER)
        chat.wait_for("I see.")
        assert list_results(server)[-1] == "Error: not run: the user refused it: I need them"
        assert " refused ─╯" in chat.shown
        assert "why (may" not in chat.shown
        chat.wait_for_prompt()


def let_shell_use(chat: Chat) -> None:
    """Set the terminal as a shell does when it takes over."""
    modes = termios.tcgetattr(chat.fd)
    modes[3] |= termios.ICANON | termios.ECHO
    termios.tcsetattr(chat.fd, termios.TCSANOW, modes)


def test_keys_pressed_before_a_question_do_not_answer_it(server: Server, tmp_path: Path) -> None:
    go_on = threading.Event()
    first = call_delta(id="c", name="delete", arguments='{"path": ')
    reply = Reply((first, Until(go_on), call_delta(arguments='"a.txt"}')), "tool_calls")
    with Asked(server, tmp_path) as chat:
        chat.ask(reply, says("Left alone."), says("Why?"))
        chat.wait_for("delete")
        chat.type("y" + ENTER + "aye")
        chat.wait_for("› aye")
        go_on.set()
        chat.wait_for(KEYS)
        chat.wait_for(lambda _: chat.find_question()[2:] == ["queued: y", "› aye"])
        chat.press("n")
        chat.wait_for("why (may be empty):")
        chat.type(ENTER)
        chat.wait_for("Why?")
        chat.wait_for_prompt("aye")
        assert messages(server)[-1] == "y"
        assert "is gone" not in chat.shown
        chat.type(EMPTIED)


def test_calls_are_decided_one_after_the_other(server: Server, tmp_path: Path) -> None:
    with Asked(server, tmp_path, "--allow", "look") as chat:
        both = calls("delete", path="a", id="a") + calls("delete", path="b", id="b")
        chat.ask(both + calls("look", path="c"), says("One."), says("Two."))
        chat.wait_for('? 1 of 2: run delete(path="a")?')
        chat.wait_for("c is there")  # what is allowed does not wait
        chat.press("y")
        chat.wait_for('? 2 of 2: run delete(path="b")?')
        chat.press("a")
        chat.wait_for("One.")
        assert " approved, always · " in chat.shown
        # From now on nobody asks.
        chat.ask(calls("delete", path="d"), says("Two."))
        chat.wait_for("Two.")
        assert list_results(server)[-1] == "d is gone"
        chat.wait_for_prompt()


def test_a_rule_is_written_for_later_chats(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "my config.toml"
    config.write_text('# mine\n[approval]\n"look" = "deny"\n', encoding="utf-8")
    with Asked(server, tmp_path, STREAMCHAT_CONFIG=str(config)) as chat:
        chat.ask(calls("delete", path="a"), says("Done."))
        chat.expect_question('delete(path="a")')
        chat.press("A")
        chat.wait_for("? add this line to [approval]?")
        chat.wait_for('"delete" = "allow" in ~/my config.toml')
        chat.press("n")
        chat.expect_question('delete(path="a")')
        assert "delete" not in config.read_text()
        chat.press("A")
        chat.wait_for("y yes · n no · Esc stop")
        chat.press("y")
        chat.wait_for("Done.")
        written = '# mine\n[approval]\n"look" = "deny"\n"delete" = "allow"\n'
        assert config.read_text() == written
        chat.wait_for_prompt()
        config.write_text("approval = {}\n", encoding="utf-8")
        chat.ask(calls("delete", path="b"), says("No question."))
        chat.wait_for("No question.")
        chat.wait_for_prompt()


def test_arguments_are_edited(server: Server, tmp_path: Path) -> None:
    editor = write_editor(tmp_path, "{5", "[]", '{"path": 5}', '{"path": "b.txt"}')
    with Asked(server, tmp_path, EDITOR=editor) as chat:
        chat.ask(calls("delete", path="a.txt"), says("Done."))
        for problem in ("not valid JSON", "not a JSON object", "path: Input should be a valid str"):
            chat.expect_question('delete(path="a.txt")')
            chat.press("e")
            chat.wait_for(problem)
        chat.expect_question('delete(path="a.txt")')
        chat.press("e")
        chat.wait_for("Done.")
        assert list_results(server)[0].endswith("\nb.txt is gone")
        assert " edited · " in chat.shown
        chat.wait_for_prompt()


def test_arguments_are_edited_at_a_prompt_without_an_editor(server: Server, tmp_path: Path) -> None:
    with Asked(server, tmp_path, EDITOR="none") as chat:
        chat.ask(calls("delete", path="a.txt"), says("Done."))
        chat.expect_question('delete(path="a.txt")')
        chat.press("e")
        chat.wait_for("the editor none was not found")
        chat.wait_for(lambda lines: lines[-1] == "}" and chat.is_raw)
        chat.type(f"{EMPTIED}\x7f" * 3 + '{"path": "b.txt"}' + ENTER)
        chat.wait_for("Done.")
        assert list_results(server)[0].endswith("\nb.txt is gone")


@pytest.mark.parametrize("key", [ESCAPE, CTRL_C])
def test_a_question_stops_the_turn(server: Server, tmp_path: Path, key: str) -> None:
    with Asked(server, tmp_path) as chat:
        chat.ask(calls("delete", path="a"))
        chat.expect_question('delete(path="a")')
        chat.type(key)
        chat.wait_for("interrupted")
        chat.wait_for_prompt()
        chat.ask(calls("delete", path="b"))
        chat.expect_question('delete(path="b")')
        chat.press("n")
        chat.wait_for("why (may be empty):")
        chat.type(key)
        chat.wait_for(lambda _: chat.shown.count("interrupted") == 2)
        chat.wait_for_prompt()
        assert "KEYS" not in chat.shown
        assert "is gone" not in chat.shown


def test_escape_refuses_a_call_that_arrives(server: Server, tmp_path: Path) -> None:
    parts = (call_delta(id="c", name="delete", arguments='{"path": "a'), NEVER)
    with Asked(server, tmp_path) as chat:
        chat.ask(Reply(parts), says("I will not."))
        chat.wait_for('{"path": "a')
        chat.type(ESCAPE)
        chat.wait_for("I will not.")
        assert server.disconnected.wait(HANGS)
        (result,) = list_results(server)
        assert "the user refused the call before its arguments were complete" in result
        chat.wait_for_prompt()
        assert "interrupted" not in chat.shown


def test_a_signal_ends_the_program_in_the_middle_of_a_question(
    server: Server, tmp_path: Path
) -> None:
    with Asked(server, tmp_path) as chat:
        chat.ask(calls("delete", path="a"))
        chat.expect_question('delete(path="a")')
        chat.press("n")
        chat.wait_for("why (may be empty):")
        os.kill(chat.process.pid, signal.SIGTERM)
        assert chat.exit_code() == 128 + signal.SIGTERM
        assert chat.screen.cursor_is_visible
        assert "Traceback" not in chat.shown


EVIL = 'x")?  y once · a always\n\x1b[2J\x1b]0;pwned\x07 run look()?\u202e' + "z" * 1_000_000


def test_a_question_is_recognized_whatever_it_is_about(server: Server, tmp_path: Path) -> None:
    with Asked(server, tmp_path) as chat:
        chat.ask(calls("delete", path=EVIL), says("Done."))
        chat.wait_for(KEYS)
        asked, keys = chat.find_question()
        assert asked.startswith('? run delete(path="x\\")?')
        assert asked.endswith("…)?")
        assert keys == KEYS
        assert "\x1b]0;pwned" not in chat.written
        chat.resize(40, 20)
        os.kill(chat.process.pid, signal.SIGWINCH)
        narrow = ["y once · a always · n no · e edit", "Esc stop"]
        chat.wait_for(lambda _: chat.find_question()[1:] == narrow)
        asked = chat.find_question()[0]
        assert asked.endswith("…)?")
        assert len(asked) < 40
        chat.type(CTRL_Z)
        chat.wait_for(lambda _: chat.state == "T")
        chat.screen.write("\x1b[2J\x1b[H")  # what the shell or another program does meanwhile
        os.kill(chat.process.pid, signal.SIGCONT)
        chat.wait_for(lambda _: chat.find_question()[1:] == narrow)
        chat.press("y")
        chat.wait_for("Done.")
        chat.wait_for_prompt()


@pytest.mark.parametrize("arguments", [["--plain"], []])
def test_words_are_enough(server: Server, tmp_path: Path, arguments: list[str]) -> None:
    variables = {} if arguments else {"TERM": "dumb"}
    write(tmp_path / "mine.py", DELETE)
    tools = ("--tools", "mine.py", *arguments)
    with Chat(server, tmp_path, *tools, cwd=tmp_path, **variables) as chat:
        chat.wait_for(lambda lines: lines[-1:] == [">"] and chat.is_raw)
        server.script(calls("delete", path="a"), calls("delete", path="b"), says("Done."))
        chat.type("Go" + ENTER)
        chat.wait_for('Question: run delete(path="a")?')
        chat.wait_for("Press y: once, a: always in this chat, n: no, e: edit, Esc: stop.")
        chat.press_until("n", "why (may be empty):")
        chat.wait_for(lambda _: chat.is_raw)
        chat.type(EMPTIED + "mine" + ENTER)
        chat.wait_for('Question: run delete(path="b")?')
        chat.wait_for(lambda _: chat.shown.count("Press y") == 2)
        chat.press_until("y", "Done.")
        assert list_results(server)[-2:] == [
            "Error: not run: the user refused it: mine",
            "b is gone",
        ]


CANCELLED = r"Error: cancelled by the user after [1-9]\d*\.\d"
SLOW = '''
    import asyncio, threading

    def work() -> str:
        """Work."""
        print("working")
        threading.Event().wait()

    async def rest() -> str:
        """Rest."""
        print("resting")
        await asyncio.Event().wait()
'''


def test_escape_cancels_the_tools_and_the_turn_goes_on(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", SLOW)
    with Chat(server, tmp_path, "--tools", "mine.py", "--allow", "*", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        server.script(calls("work") + calls("rest"), says("Never mind."))
        chat.type("Hi" + ENTER)
        chat.wait_for("working")
        chat.wait_for("resting")
        chat.wait_for(lambda lines: any(re.search(r" [1-9]\d* s ─╯", line) for line in lines))
        chat.type(ESCAPE)
        chat.wait_for("Never mind.")
        work, rest = list_results(server)
        assert re.match(CANCELLED, work)
        assert work.endswith(" s; its thread still runs")
        assert re.match(CANCELLED, rest)
        assert rest.endswith(" s")
        assert "its thread still runs" in chat.shown
        assert "interrupted" not in chat.shown
        chat.wait_for_prompt()
        server.script(calls("rest"))
        chat.type("Again" + ENTER)
        chat.wait_for(lambda _: chat.shown.count("resting") == 2)
        chat.type(CTRL_C)
        chat.wait_for("interrupted")
        chat.wait_for_prompt()
