"""The commands of the chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamchat.repl.registry import GROUPS
from tests.chatting import CTRL_C, EMPTIED, ENTER, KEY, Chat, messages
from tests.program import Terminal
from tests.server import Pause, Reply, Server, answers, calls, delta, fails, lists, notebook, says
from tests.stores import store_turns
from tests.turns import ASKING, DELEGATING


def _numbered(many: int) -> list:  # type: ignore[type-arg]  # replies
    return [says(f"Answer {each}.").but(usage=(10, each)) for each in range(1, many)]


def test_help_and_unknown_commands(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        shown = chat.send("/help")
        spoken_of = "help model tools system retry undo edit branch sessions resume title export"
        spoken_of += " copy last verbose raw reasoning usage clear quit"
        assert [each for each in spoken_of.split() if f"\n  /{each}" not in shown] == []
        headings = [each for each in shown.splitlines() if each in GROUPS]
        assert headings == list(GROUPS)
        assert "? on an empty line shows them" in shown
        assert "list the server's models" in chat.send("/help model")
        chat.expect_refusal("/help agent", "Did you mean /help agents?")
        for helped in ("/help /export", "/export --help", "/export -h"):
            assert "FILE defaults to streamchat-ID.md." in chat.send(helped)
        chat.expect_refusal("/retyr", "Unknown command /retyr. Did you mean /retry?")
        for command in ("/undo", "/retry", "/edit", "/copy", "/last", "/branch"):
            chat.expect_refusal(command, "No questions yet")
        for command in ("/retry x", "/undo 2", "/quit now"):
            chat.expect_refusal(command, f"{command.split()[0]} takes no arguments")
        server.script(says("A path."))
        chat.send("/etc/hosts is what?")
        assert messages(server) == ["/etc/hosts is what?"]


def test_models_tools_and_instructions(server: Server, tmp_path: Path) -> None:
    server.models = lists("one", "two")
    server.script(
        says("One."), says("Two."), fails(404, "no model nope"), says("Back."), says("Curt.")
    )
    with Chat(server, tmp_path, "--model", "one", "--system", "Be kind.") as chat:
        chat.wait_until_ready()
        assert "* one\n  two" in chat.send("/model")
        chat.send("hello")
        assert "Switched to two" in chat.send("/model two")
        chat.send("hello again")
        assert server.requests[-1]["model"] == "two"
        assert messages(server) == ["hello", "One.", "hello again"]
        chat.send("/model nope")
        assert "no model nope" in chat.send("lost")
        chat.send("/model one")
        assert "Back." in chat.send("found")
        assert messages(server)[-3:] == ["hello again", "Two.", "found"]
        assert "subtract(x, y)" in chat.send("/tools")
        assert "Be kind." in chat.send("/system")
        chat.send("/system Be curt.")
        chat.send("well?")
        instructions = server.requests[-1]["messages"][0]["content"]
        assert "Be curt." in instructions
        assert "Be kind." not in instructions
        chat.send("/system -")
        assert "No extra instructions" in chat.send("/system")


def test_retry_edit_and_undo(server: Server, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "two, edited" > "$1"\n')
    editor.chmod(0o755)
    server.script(*_numbered(20))
    with Chat(server, tmp_path, EDITOR=str(editor)) as chat:
        chat.wait_until_ready()
        chat.send("one")
        chat.send("two")
        chat.send("/retry")
        assert "Answer 4." in chat.send("/retry")
        assert messages(server) == ["one", "Answer 1.", "two"]
        chat.type("/edit" + ENTER)
        chat.wait_for_prompt("two, edited")
        chat.type(ENTER)
        chat.wait_for("Answer 5.")
        assert messages(server) == ["one", "Answer 1.", "two, edited"]
        assert "Removed: two, edited" in chat.send("/undo")
        chat.send("three")
        assert messages(server) == ["one", "Answer 1.", "three"]
        shown = chat.send("/usage")
        assert "1  10 in, 1 out" in shown
        assert "2 turns, 20 in, 7 out" in shown
        # A retry that fails leaves the previous answer.
        server.script(fails(400, "not now"), says("Last."))
        assert "not now" in chat.send("/retry")
        chat.send("four")
        assert messages(server) == ["one", "Answer 1.", "three", "Answer 6.", "four"]


def test_an_abandoned_edit_changes_nothing(server: Server, tmp_path: Path) -> None:
    server.script(*_numbered(9))
    with Chat(server, tmp_path, EDITOR="false", VISUAL="false") as chat:
        chat.wait_until_ready()
        chat.send("one")
        chat.type("/edit" + ENTER)
        chat.wait_for_prompt("one")
        # While the editor runs, Ctrl-C goes to the editor.
        chat.wait_for(lambda _: chat.type(CTRL_C) or chat.prompted == "›")
        chat.send("two")
        assert messages(server) == ["one", "Answer 1.", "two"]


def test_branches_titles_and_exports(server: Server, tmp_path: Path) -> None:
    server.script(*_numbered(9))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.expect_refusal("/title Mine", "This session has no saved turns yet")
        for question in ("one", "two", "three"):
            chat.send(question)
        first = chat.bar.split()[3]
        chat.expect_refusal("/branch 4", "No turn 4. Turns run from 1 to 3.")
        chat.expect_refusal("/branch -1", "/branch takes a number, not -1")
        chat.expect_refusal("/branch 1 2", "/branch takes a number, not 1 2")
        chat.expect_refusal(f"/resume {first} x", "/resume takes one argument: /resume ID")
        assert f"with 1 turn of {first}" in chat.send("/branch 1")
        chat.send("instead")
        assert messages(server) == ["one", "Answer 1.", "instead"]
        chat.send("/undo")
        chat.send("/undo")
        chat.send("anew")
        assert messages(server) == ["anew"]
        assert "Mine" in chat.send("/title Mine")
        shown = chat.send("/sessions")
        assert "Mine" in shown
        assert first in shown
        file = tmp_path / "mine.md"
        chat.send("/export ~/mine.md")
        before = file.read_text()
        assert before.startswith("# Mine\n")
        assert "> anew" in before
        chat.expect_refusal("/export ~/mine.md", "File exists")
        assert file.read_text() == before
        chat.expect_refusal("/export ~/no/where", "No such file")
        chat.expect_refusal("/export --json", "/export takes no options, not --json")
        assert f"/resume {chat.bar.split()[3]}" in chat.send("/clear")
        chat.send(f"/resume {first[:7]}")
        chat.send("four")
        asked = ["one", "Answer 1.", "two", "Answer 2.", "three", "Answer 3.", "four"]
        assert messages(server) == asked


def test_ways_to_show_a_turn(server: Server, tmp_path: Path) -> None:
    server.script(*notebook(), *notebook(), answers("Done."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        assert "No turns yet" in chat.send("/history")
        chat.send("What is 10 + 10")
        shown = chat.send("/last")
        assert '"x": 10' in shown
        assert "20" in shown
        assert "› What is 10 + 10" in shown.partition("/last")[2]
        assert "final_answer {" in shown
        assert '"answer": "10 + 10 equals 20."' in shown
        assert "Raw is on" in chat.send("/raw")
        assert "add → 20" in chat.send("And again?")
        chat.send("/raw")
        chat.send("/verbose")
        assert "tool_calls: " in chat.send("Once more")
        assert "Verbose is off" in chat.send("/verbose")


def test_reasoning_is_shown_folded_or_hidden(server: Server, tmp_path: Path) -> None:
    thought = Reply((delta(reasoning_content="Hmm, what is it?\nPerhaps."),)) + says("It is.")
    server.script(thought, forever=True)
    with Chat(server, tmp_path, NO_COLOR="1") as chat:
        chat.wait_until_ready()
        chat.type("/reasoning ")
        chat.wait_for_completion("/reasoning", "fold", "show", "hide")
        chat.type(EMPTIED)
        assert "Perhaps." not in chat.send("folded?")
        assert "Reasoning is shown in full" in chat.send("/reasoning")
        assert "Perhaps." in chat.send("shown?")
        assert "Reasoning is folded to one line" in chat.send("/reasoning")
        assert "Reasoning is hidden" in chat.send("/reasoning hide")
        assert "reasoning" not in chat.send("is it gone?")
        assert "Reasoning: Hmm, what is it?\nPerhaps." in chat.send("/last")
        chat.expect_refusal("/reasoning x", "/reasoning takes fold, show or hide, not x")


def test_the_last_turn_in_full(server: Server, tmp_path: Path) -> None:
    answer = "\n".join(f"row {number}" for number in range(50))
    server.script(calls("add", x=1, y="x" * 900), says(answer))
    with Chat(server, tmp_path, lines=200) as chat:
        chat.wait_until_ready()
        chat.send("one")
        lines = chat.send("/last").split("\n")
        text = "".join(lines)
        assert "x" * 900 in text
        assert text.count("row 49") == 1
        assert lines[lines.index("row 0") - 1] == ""
        assert ["", ""] not in [lines[n : n + 2] for n in range(len(lines))]
    with Terminal(tmp_path, "repl", "--plain", "--continue", OPENAI_BASE_URL=server.url) as plain:
        plain.wait_for(lambda lines: lines[-1:] == [">"] and plain.is_raw)
        plain.type("/last" + ENTER)
        plain.wait_for("add {")
        plain.wait_for(lambda lines: lines[-1:] == [">"] and plain.is_raw)
        assert "\x1b" not in plain.written[plain.written.index("/last") :]


def test_the_last_turn_of_an_agent_in_full(server: Server, tmp_path: Path) -> None:
    store_turns(tmp_path, [*DELEGATING[:-1], *ASKING[1:]])
    with Chat(server, tmp_path, "--continue", lines=100) as chat:
        chat.wait_until_ready()
        shown = chat.send("/last").partition("/last")[2]
        for words in (
            "boss says:\n\ntask {",
            "researcher says:\n\nPrinted: searching\n\nsearch {",
            'Question: delete_file(path="/home/me/notes.txt")\n  Tool execution',
            "Answered: approved\n\ndelete_file {",
        ):
            assert words in shown


@pytest.mark.parametrize("command", ["/undo", "/last"])
def test_a_command_after_a_refused_one_is_not_sent_as_a_question(
    server: Server, tmp_path: Path, command: str
) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(says("What?"))
        chat.type(command + ENTER)
        chat.wait_for("No questions yet")
        chat.wait_for_prompt()
        chat.type("/help" + ENTER)
        chat.wait_for(lambda _: "quit (or press Ctrl-D)" in chat.shown or "What?" in chat.shown)
        assert server.requests == []


def test_a_key_that_was_typed_is_shown_nowhere(server: Server, tmp_path: Path) -> None:
    server.script(says("Yes."), forever=True)
    with Chat(server, tmp_path, "--system", f"Never say {KEY}.") as chat:
        chat.wait_until_ready()
        asked = chat.send(f"Is {KEY} a key?")
        assert KEY in asked  # as typed
        for command in ("/system", "/history", "/last", "/usage", "/undo"):
            shown = chat.send(command).partition(command)[2]
            assert KEY not in shown, command
        assert "sk-***" in chat.shown
        chat.leave()


def test_a_retry_takes_the_place_of_a_failed_turn(server: Server, tmp_path: Path) -> None:
    server.script(fails(400, "no"), fails(400, "not yet"), says("Yes."), fails(400, "never"))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        assert "1 turn," in chat.send("/usage")
        assert "not yet" in chat.send("/retry")
        assert "1 turn," in chat.send("/usage")
        assert "Yes." in chat.send("/retry")
        assert "1 turn," in chat.send("/usage")
        assert "never" in chat.send("/retry")
        assert "2 turns," in chat.send("/usage")  # the answer is kept
        chat.leave()


def test_an_interrupted_turn_is_shown_too(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(Reply((*calls("add", x=1, y=2).parts, Pause(600))))
        chat.type("What is 1 + 2" + ENTER)
        chat.wait_for('"y"')
        chat.type(CTRL_C)
        chat.wait_for("interrupted")
        shown = chat.send("/last").partition("/last")[2]
        assert "› What is 1 + 2" in shown
        assert 'add {"x": 1, "y": 2}' in shown
        assert "interrupted" in shown
        chat.leave()
