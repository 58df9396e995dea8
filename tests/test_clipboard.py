"""Copying answers and code."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.chatting import Chat
from tests.program import run
from tests.server import Server, answers

ANSWER = "Twice:\n\n```python\nprint('日本')\n```\n\nand\n\n```\nsecond\n```\n"


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """Environment variables of a desktop whose clipboard is the file `copied`."""
    tool = tmp_path / "bin" / "xclip"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ncat > {tmp_path}/copied\n")
    tool.chmod(0o755)
    return {"PATH": f"{tool.parent}:/usr/bin:/bin", "DISPLAY": ":9"}


def test_an_answer_and_its_code_are_copied_by_the_clipboard_tool(
    server: Server, tmp_path: Path, tools: dict[str, str]
) -> None:
    server.script(answers(ANSWER))
    copied = tmp_path / "copied"
    with Chat(server, tmp_path, **tools) as chat:
        chat.wait_until_ready()
        chat.expect_refusal("/copy", "No questions yet")
        chat.send("code?")
        assert f"Copied {len(ANSWER)} characters with xclip" in chat.send("/copy")
        assert copied.read_text() == ANSWER
        chat.send("/copy 1")
        assert copied.read_text() == "print('日本')\n"
        chat.send("/copy 2")
        assert copied.read_text() == "second\n"
        for wrong in ("/copy 3", "/copy 0"):
            chat.expect_refusal(wrong, "The last answer has 2 code blocks")
        for wrong in ("/copy x", "/copy ²"):
            chat.expect_refusal(wrong, "/copy takes a number, not")
        assert "\x1b]52" not in chat.written


def test_osc52_is_used_only_on_request(
    server: Server, tmp_path: Path, tools: dict[str, str]
) -> None:
    server.script(answers(ANSWER))
    config = tmp_path / "config.toml"
    config.write_text('clipboard = "osc52"\n')
    with Chat(server, tmp_path, **tools, STREAMCHAT_CONFIG=str(config)) as chat:
        chat.wait_until_ready()
        chat.send("code?")
        chat.send("/copy 1")
        encoded = base64.b64encode("print('日本')\n".encode()).decode()
        assert f"\x1b]52;c;{encoded}\x07" in chat.written
        assert not (tmp_path / "copied").exists()


@pytest.mark.parametrize("missing", ["PATH", "DISPLAY"])
def test_without_a_tool_or_a_display_the_terminal_copies(
    server: Server, tmp_path: Path, tools: dict[str, str], missing: str
) -> None:
    server.script(answers(ANSWER))
    with Chat(server, tmp_path, **tools | {missing: ""}) as chat:
        chat.wait_until_ready()
        chat.send("code?")
        assert "Copied 7 characters through the terminal" in chat.send("/copy 2")
        assert f"\x1b]52;c;{base64.b64encode(b'second' + bytes([10])).decode()}\x07" in chat.written
        assert not (tmp_path / "copied").exists()


def test_without_a_tool_and_a_terminal(server: Server, tmp_path: Path) -> None:
    server.script(answers(ANSWER))
    said = run(
        tmp_path, "repl", stdin="code?\n/copy\n", OPENAI_BASE_URL=server.url, DISPLAY="", PATH=""
    )
    assert said.stderr.startswith("error: Not copied: no clipboard tool found")
    assert "\x1b" not in said.stdout


@pytest.mark.parametrize(
    ("script", "how"),
    [
        ("exit 3", "xclip failed with exit status 3"),
        ("cat >/dev/null; exit 3", "xclip failed with exit status 3"),
        ("kill -9 $$", "xclip was ended by signal 9"),
    ],
)
def test_a_tool_that_fails(
    server: Server, tmp_path: Path, tools: dict[str, str], script: str, how: str
) -> None:
    (tmp_path / "bin" / "xclip").write_text(f"#!/bin/sh\n{script}\n")
    server.script(answers(ANSWER))
    with Chat(server, tmp_path, **tools) as chat:
        chat.wait_until_ready()
        chat.send("code?")
        chat.expect_refusal("/copy", f"Not copied: {how}")
        assert "Copied" not in chat.shown


def test_a_tool_that_stays_to_serve_the_text(
    server: Server, tmp_path: Path, tools: dict[str, str]
) -> None:
    (tmp_path / "bin" / "xclip").write_text(
        f"#!/bin/sh\ncat > {tmp_path}/copied\n"
        f"(while test ! -e {tmp_path}/go; do sleep 0.1; done) &\n"
    )
    server.script(answers(ANSWER))
    with Chat(server, tmp_path, **tools) as chat:
        chat.wait_until_ready()
        chat.send("code?")
        assert "Copied 7 characters with xclip" in chat.send("/copy 2")
        (tmp_path / "go").touch()
