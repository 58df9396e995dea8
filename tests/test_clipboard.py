"""Answers and code that are copied."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.chatting import Chat
from tests.server import Server, answers

ANSWER = "Twice:\n\n```python\nprint('日本')\n```\n\nand\n\n```\nsecond\n```\n"


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """The variables of a desktop whose clipboard is the file `copied`."""
    tool = tmp_path / "bin" / "xclip"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ncat > {tmp_path}/copied\n")
    tool.chmod(0o755)
    return {"PATH": f"{tool.parent}:/usr/bin:/bin", "DISPLAY": ":9"}


def test_an_answer_and_its_code_go_to_the_clipboard_s_tool(
    server: Server, tmp_path: Path, tools: dict[str, str]
) -> None:
    server.script(answers(ANSWER))
    copied = tmp_path / "copied"
    with Chat(server, tmp_path, **tools) as chat:
        chat.ready()
        chat.refused("/copy", "No questions yet")
        chat.send("code?")
        assert "Copied " in chat.send("/copy")
        assert copied.read_text() == ANSWER
        chat.send("/copy 1")
        assert copied.read_text() == "print('日本')\n"
        chat.send("/copy 2")
        assert copied.read_text() == "second\n"
        for wrong in ("/copy 3", "/copy 0"):
            chat.refused(wrong, "The last answer has 2 code blocks")
        for wrong in ("/copy x", "/copy ²"):
            chat.refused(wrong, "/copy takes a number, not")
        assert "\x1b]52" not in chat.written


def test_the_terminal_s_clipboard_is_used_only_if_it_was_asked_for(
    server: Server, tmp_path: Path, tools: dict[str, str]
) -> None:
    server.script(answers(ANSWER))
    config = tmp_path / "config.toml"
    config.write_text('clipboard = "osc52"\n')
    with Chat(server, tmp_path, **tools, STREAMCHAT_CONFIG=str(config)) as chat:
        chat.ready()
        chat.send("code?")
        chat.send("/copy 1")
        encoded = base64.b64encode("print('日本')\n".encode()).decode()
        assert f"\x1b]52;c;{encoded}\x07" in chat.written
        assert not (tmp_path / "copied").exists()


def test_without_a_tool_that_is_told(server: Server, tmp_path: Path) -> None:
    server.script(answers(ANSWER))
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    with Chat(server, tmp_path, columns=160, PATH=str(nothing)) as chat:
        chat.ready()
        chat.send("code?")
        chat.refused("/copy", "No clipboard tool found")
        assert "\x1b]52" not in chat.written
