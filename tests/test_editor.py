"""Writing a message in an editor, and editors that misbehave."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamchat.repl.editor import edit
from tests.chatting import EMPTIED, ENTER, Chat, messages
from tests.program import Terminal
from tests.server import Server, says

EDIT = "\x18\x05"
"""Ctrl-X Ctrl-E."""
_SCRIPTS = {
    "fails": "exit 3",
    "saves and fails": 'printf written > "$1"; exit 3',
    "empties and fails": ': > "$1"; exit 3',
    "dies": "kill -9 $$",
    "removes": 'rm "$1"',
    "replaces by a folder": 'rm "$1"; mkdir "$1"',
    "replaces by a pipe": 'rm "$1"; mkfifo "$1"',
    "replaces by a device": 'rm "$1"; ln -s /dev/zero "$1"',
    "saves other bytes": r"""printf 'caf\351 \303\251' > "$1" """,
    "saves with CR LF": r"""printf '\357\273\277one\r\ntwo\r\n' > "$1" """,
    "saves": 'printf "written\n\n" > "$1"',
}


@pytest.fixture
def editors(tmp_path: Path) -> Path:
    for name, script in _SCRIPTS.items():
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    (tmp_path / "not a program").write_text("text")
    return tmp_path


@pytest.mark.parametrize(
    ("editor", "text", "problem"),
    [
        ("fails", "draft", "{} failed with exit status 3"),
        ("saves and fails", "written", "{} failed with exit status 3"),
        ("empties and fails", "draft", "{} failed with exit status 3"),
        ("dies", "draft", "{} was ended by signal 9"),
        ("removes", "draft", "{} removed the file; the message is as it was"),
        ("replaces by a folder", "draft", "cannot read what {} saved: Is a directory"),
        ("replaces by a pipe", "draft", "cannot read what {} saved: not a regular file"),
        ("replaces by a device", "draft", "cannot read what {} saved: not a regular file"),
        ("saves other bytes", "caf\ufffd é", "{} saved bytes that are not UTF-8, shown as \ufffd"),
        ("saves with CR LF", "one\ntwo", ""),
        ("saves", "written\n", ""),
        ("not a program", "draft", "cannot run the editor {}: Permission denied"),
        ("missing", "draft", "the editor {} was not found"),
    ],
)
def test_no_editor_loses_the_text(
    editors: Path, monkeypatch: pytest.MonkeyPatch, editor: str, text: str, problem: str
) -> None:
    program = str(editors / editor)
    monkeypatch.setenv("VISUAL", f"'{program}'")
    assert edit("draft") == (text, problem.format(program))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("'", "EDITOR is not a command: No closing quotation"),
        ("\\", "EDITOR is not a command: No escaped character"),
        ("''", "EDITOR is not a command: no program is named"),
        ("nosuch --wait", "the editor nosuch was not found"),
    ],
)
def test_a_variable_that_does_not_name_an_editor(
    monkeypatch: pytest.MonkeyPatch, value: str, problem: str
) -> None:
    monkeypatch.setenv("VISUAL", " ")
    monkeypatch.setenv("EDITOR", value)
    assert edit("draft\udcff") == ("draft\udcff", problem)


def test_no_editor_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert edit("draft") == ("draft", "no editor found; set EDITOR")


def test_no_room_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    problem = "cannot make a file for the editor: No such file or directory"
    assert edit("draft") == ("draft", problem)


@pytest.mark.parametrize(
    ("editor", "problem"),
    [
        ("'", "✗ EDITOR is not a command: No closing quotation"),
        ("{}/removes", "removed the file"),
        ("{}/fails", "failed with exit status 3"),
    ],
)
def test_a_failing_editor_is_a_one_line_error_and_the_text_is_restored(
    server: Server, editors: Path, editor: str, problem: str
) -> None:
    server.script(says("An answer."), says("Another."))
    with Chat(server, editors, columns=200, EDITOR=editor.format(editors)) as chat:
        chat.wait_until_ready()
        chat.type("a draft" + EDIT)
        chat.wait_for(problem)
        chat.wait_for_prompt("a draft")
        chat.type(EMPTIED)
        chat.send("hello")
        chat.type("/edit" + ENTER)
        chat.wait_for(lambda _: chat.shown.count(problem) == 2)
        chat.wait_for_prompt("hello")
        chat.type(ENTER)
        chat.wait_for("Another.")
        assert "Traceback" not in chat.shown
        assert "Press ENTER" not in chat.shown


def test_invalid_utf_8_is_restored_legibly(server: Server, editors: Path) -> None:
    editor = f"'{editors}/saves other bytes'"
    with Chat(server, editors, columns=200, EDITOR=editor) as chat:
        chat.wait_until_ready()
        chat.type(EDIT)
        chat.wait_for("saved bytes that are not UTF-8")
        chat.wait_for_prompt("caf\ufffd é")


def test_the_editor_of_a_plain_chat_has_the_terminal_as_it_is(
    server: Server, tmp_path: Path
) -> None:
    editor = tmp_path / "tells"
    editor.write_text('#!/bin/sh\necho "$TERM" > ~/told\nprintf "from the editor" > "$1"\n')
    editor.chmod(0o755)
    server.script(says("Yes."))
    variables = {"OPENAI_BASE_URL": server.url, "EDITOR": str(editor)}
    with Terminal(tmp_path, "repl", "--plain", **variables) as terminal:
        terminal.wait_for(lambda lines: lines[-1:] == [">"] and terminal.is_raw)
        terminal.type(EDIT)
        terminal.wait_for(lambda _: (tmp_path / "told").exists() and terminal.is_raw)
        terminal.type(ENTER)
        terminal.wait_for("Yes.")
    assert (tmp_path / "told").read_text() == "xterm-256color\n"
    assert messages(server) == ["from the editor"]
