"""Editing at the prompt."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pexpect
import pytest

from tests.chatting import (
    CTRL_C,
    CTRL_D,
    CTRL_R,
    CTRL_Z,
    ENTER,
    ESCAPE,
    PASTED,
    RIGHT,
    Chat,
    messages,
)
from tests.program import COMMAND, HANGS, environment
from tests.server import Server, fails, lists, says, whole

LEFT = "\x1b[D"


def test_multiline_input_and_pastes(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(1, 6)])
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("one\x1b\rtwo\nthree")
        chat.wait_for_prompt("one\n  two\n  three")
        assert server.requests == []
        chat.type(ENTER)
        chat.wait_for("Answer 1.")
        assert messages(server) == ["one\ntwo\nthree"]

        chat.wait_for_prompt()
        chat.type(PASTED.format("first\rsecond\r"))
        chat.wait_for_prompt("first\n  second")
        assert len(server.requests) == 1
        chat.type(ENTER)
        chat.wait_for("Answer 2.")
        assert messages(server)[-1].split() == ["first", "second"]

        # Pasted control characters are text: they end nothing and do not reach the terminal.
        chat.wait_for_prompt()
        chat.type(PASTED.format("a\x03b\x04c\x1b]0;title\x07d"))
        chat.wait_for_prompt("a^Cb^Dc^[]0;title^Gd")
        chat.type(ENTER)
        chat.wait_for("Answer 3.")
        assert messages(server)[-1] == "a\x03b\x04c\x1b]0;title\x07d"
        assert "\x1b]0;" not in chat.written

        chat.wait_for_prompt()
        chat.type(PASTED.format("a long line of a long paste\n" * 5000) + "end" + ENTER)
        chat.wait_for("Answer 4.")
        assert messages(server)[-1] == "a long line of a long paste\n" * 5000 + "end"


def test_the_cursor_keeps_its_place_among_wide_characters(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("日本語x" + LEFT + LEFT)
        chat.wait_for_prompt("日本語x")
        chat.wait_for(lambda _: chat.screen.cursor_column == 6)
        chat.type("の")
        chat.wait_for_prompt("日本の語x")
        chat.wait_for(lambda _: chat.screen.cursor_column == 8)
        chat.type("\x7f\x7f")
        chat.wait_for_prompt("日語x")
        chat.wait_for(lambda _: chat.screen.cursor_column == 4)
        chat.type("\x05e\u0301\u0301!")
        chat.wait_for(lambda _: chat.screen.cursor_column == 9)


def test_the_history_outlives_the_chat(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(1, 6)])
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("how deep is the sea")
        chat.send("how high is the sky")
        chat.leave()
    (file,) = tmp_path.rglob("history")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("how d")
        # The suggestion is grey, and no part of the text until accepted.
        chat.wait_for_prompt("how deep is the sea")
        row = next(n for n, each in enumerate(chat.screen.visible()) if each.startswith("› how"))
        colours = [each.fg for each in chat.screen.row(row)]
        assert colours[6] == "default"
        assert set(colours[7:21]) == {"brightblack"}
        chat.type(RIGHT + ENTER)
        chat.wait_for("Answer 3.")
        assert messages(server) == ["how deep is the sea"]
        chat.wait_for_prompt()
        chat.type(CTRL_R + "sky")
        chat.wait_for("how high is the sky")
        chat.type(ESCAPE)
        chat.wait_for_prompt("how high is the sky")
        chat.type(ENTER)
        chat.wait_for("Answer 4.")
        assert messages(server)[-1] == "how high is the sky"


def test_enter_accepts_a_search_result(server: Server, tmp_path: Path) -> None:
    server.script(says("High."), says("Higher."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("how high is the sky")
        chat.type(CTRL_R + "sky")
        chat.wait_for("I-search backward: sky")
        chat.type(ENTER)
        chat.wait_for_prompt("how high is the sky")
        assert "I-search" not in chat.shown


def test_the_editor(server: Server, tmp_path: Path) -> None:
    server.script(says("Yes."))
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ncp "$1" "$HOME/seen"\nprintf "from\\nthe editor" > "$1"\n')
    editor.chmod(0o755)
    with Chat(server, tmp_path, EDITOR=str(editor)) as chat:
        chat.wait_until_ready()
        chat.type("begun\x18\x05")
        chat.wait_for(lambda _: "the editor" in chat.shown)
        assert (tmp_path / "seen").read_text().rstrip("\n") == "begun"
        # The text can still be corrected before it is sent.
        chat.wait_for_prompt("from\n  the editor")
        assert server.requests == []
        chat.type(ENTER)
        chat.wait_for("Yes.")
        assert messages(server) == ["from\nthe editor"]
    with Chat(server, tmp_path, EDITOR="false", VISUAL="false") as chat:
        chat.wait_until_ready()
        chat.type("kept\x18\x05!")
        chat.wait_for_prompt("kept!")


@pytest.mark.parametrize("where", ["file", "variable"])
def test_vi_key_bindings(server: Server, tmp_path: Path, where: str) -> None:
    server.script(says("Yes."))
    (tmp_path / "config.toml").write_text('editing = "vi"\n' if where == "file" else "")
    variables = {"STREAMCHAT_CONFIG": str(tmp_path / "config.toml")}
    variables |= {"STREAMCHAT_EDITING": "vi"} if where == "variable" else {}
    with Chat(server, tmp_path, **variables) as chat:
        chat.wait_until_ready()
        assert chat.bar.startswith("[insert] ")
        chat.type("ello" + ESCAPE)
        chat.wait_for(lambda _: chat.bar.startswith("[navigation] "))
        chat.type("0iH" + ESCAPE)
        chat.wait_for_prompt("Hello")
        chat.type(ENTER)
        chat.wait_for("Yes.")
        assert messages(server) == ["Hello"]


def test_the_bar(server: Server, tmp_path: Path) -> None:
    server.models = lists("one", "two")
    server.script(says("Yes.").but(usage=(1200, 34)), says("No.").but(usage=(1, 1)))
    with Chat(server, tmp_path, "--model", "one") as chat:
        chat.wait_until_ready()
        assert chat.bar == "one · session new"
        chat.send("Really?")
        chat.wait_for(lambda _: re.fullmatch(r"one · session \w{8} · 1,234 tokens", chat.bar))
        chat.send("Really?")
        chat.wait_for(lambda _: chat.bar.endswith(" · 2 tokens"))
        chat.send("/undo")
        chat.wait_for(lambda _: "tokens" not in chat.bar)
        chat.send("/model two")
        chat.wait_for(lambda _: chat.bar.startswith("two · "))


def test_the_bar_of_a_server_that_tells_its_context(server: Server, tmp_path: Path) -> None:
    server.models = whole({"data": [{"id": "one", "max_model_len": 8192}]})
    server.script(says("Yes.").but(usage=(3000, 174)), fails(400, "no"), says("No."))
    with Chat(server, tmp_path, "--model", "one") as chat:
        chat.wait_until_ready()
        chat.send("Really?")
        chat.wait_for(lambda _: chat.bar.endswith(" · 3,174 tokens"))
        chat.send("/model")
        chat.wait_for(lambda _: chat.bar.endswith(" · 3.1k of 8k context"))
        chat.send("And now?")  # neither a failure nor a server without figures changes it
        chat.send("And now?")
        assert chat.bar.endswith(" · 3.1k of 8k context")
        chat.leave()
    with Chat(server, tmp_path, "--continue") as chat:
        chat.wait_until_ready()
        assert chat.bar.endswith(" · 3,174 tokens")


def test_the_bar_of_a_session_that_is_not_saved(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path, "--no-save", "--model", "one") as chat:
        chat.wait_until_ready()
        assert chat.bar == "one · not saved"


def test_a_narrow_window_without_colors(server: Server, tmp_path: Path) -> None:
    server.script(says("A narrow answer, and long enough to be wrapped."))
    with Chat(server, tmp_path, columns=40, NO_COLOR="1") as chat:
        chat.wait_until_ready()
        chat.send("a question that is longer than forty columns are")
        assert messages(server) == ["a question that is longer than forty columns are"]
        chat.send("/help")
        assert all(len(each) <= 40 for each in chat.screen.everything())
        chat.wait_for(lambda _: chat.bar.startswith("gpt-4o-mini · "))
    colours = re.findall(r"\x1b\[[\d;]*?\b(?:[39][0-7]|[34]8[;\d]*|4[0-7])m", chat.written)
    assert colours == []


def test_ctrl_z_at_the_prompt_returns_to_the_shell(server: Server, tmp_path: Path) -> None:
    variables = {"OPENAI_BASE_URL": server.url, "PS1": "shell% "}
    shell = pexpect.spawn(
        "/bin/bash",
        ["--norc", "--noprofile", "-i"],
        env=environment(tmp_path, **variables),
        encoding="utf-8",
        timeout=HANGS,
    )
    try:
        shell.expect_exact("shell% ")
        shell.sendline(f"{COMMAND[0]} -m streamchat repl")
        shell.expect_exact("session new")
        shell.send("half a li")
        shell.expect_exact("half a li")
        shell.send(CTRL_Z)
        shell.expect_exact("Stopped")
        shell.expect_exact("shell% ")
        shell.sendline("stty -a | grep -o ' -*echo '")
        shell.expect_exact("\r echo ")
        shell.sendline("fg")
        shell.expect_exact("half a li")
        server.script(says("Whole."))
        shell.send("ne" + ENTER)
        shell.expect_exact("Whole.")
        assert messages(server) == ["half a line"]
        shell.expect(r"session [0-9a-f]{8}")
        shell.send(CTRL_D)
        shell.expect_exact("shell% ")
    finally:
        shell.close(force=True)


def test_a_signal_or_ctrl_c_at_the_prompt(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("given up")
        chat.wait_for_prompt("given up")
        chat.type(CTRL_C)
        chat.wait_for_prompt()
        assert "bracketed paste" in chat.screen.modes()
        os.kill(chat.process.pid, signal.SIGTERM)
        assert chat.exit_code() == 143
        assert "bracketed paste" not in chat.screen.modes()
    assert server.requests == []
