"""Files that go with a message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chatting import ENTER, Chat, messages
from tests.server import Server, says

HELLO = "File hello.txt:\n```\nhello\nworld\n```"


@pytest.fixture
def chat(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]  # a generator of one
    monkeypatch.chdir(tmp_path)
    Path("hello.txt").write_text("hello\nworld\n")
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        yield chat


def test_an_attached_file_is_sent_and_shown_in_one_line(server: Server, chat: Chat) -> None:
    Path("two words.txt").write_text("spaced")
    Path("evil.md").write_text("```\n\x1b]0;title\x07\n```\n")
    server.script(*[says(f"Answer {number}.") for number in range(1, 8)])
    shown = chat.send("@hello.txt and @~/hello.txt, please")
    assert "(attached hello.txt: 2 lines, 12 characters)" in shown
    again = HELLO.replace("hello.txt", "~/hello.txt")
    assert messages(server) == ["\n\n".join(["@hello.txt and @~/hello.txt, please", HELLO, again])]
    assert "world" not in shown
    chat.send('@"two words.txt"')
    assert messages(server)[-1].endswith("File two words.txt:\n```\nspaced\n```")
    chat.send("@evil.md")
    assert messages(server)[-1].endswith("File evil.md:\n````\n```\n\x1b]0;title\x07\n```\n````")
    assert "\x1b]0;" not in chat.written
    chat.send("me@example.org, a@hello.txt, @ and (@)")
    assert messages(server)[-1] == "me@example.org, a@hello.txt, @ and (@)"
    chat.send(r"\@hello.txt and `@hello.txt`")
    assert messages(server)[-1] == "@hello.txt and `@hello.txt`"

    # A question that is repeated or resumed keeps its files.
    chat.send("@hello.txt?")
    Path("hello.txt").unlink()
    chat.send("/history")
    assert chat.shown.count("› @hello.txt?") == 2
    chat.send("and now")
    assert messages(server)[-3] == "@hello.txt?\n\n" + HELLO


@pytest.mark.parametrize(
    "written", ["(@hello.txt)", "[@hello.txt], please", "(see @hello.txt).", '(@"hello.txt")']
)
def test_brackets_and_punctuation_are_no_part_of_the_name(
    server: Server, chat: Chat, written: str
) -> None:
    server.script(says("Hello."))
    assert "(attached hello.txt: 2 lines, 12 characters)" in chat.send(written)
    assert messages(server) == [f"{written}\n\n{HELLO}"]


def test_code_is_full_of_signs(server: Server, chat: Chat) -> None:
    server.script(says("Hello."))
    code = "what is\n```python\n@property\n@hello.txt\n```"
    chat.type(f"\x1b[200~{code}\x1b[201~" + ENTER)
    chat.wait_for("Hello.")
    assert messages(server) == [code]


def test_a_word_after_the_sign_is_meant_as_a_file(server: Server, chat: Chat) -> None:
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("missing")
    hint = " (to send it as a word, write \\@{})"
    for name in ("missing", "dangling", "~nobody/x"):
        chat.expect_refusal(f"look @{name}", f"{name} does not exist{hint.format(name)}")
    chat.expect_refusal("look (@missing).", "missing does not exist")
    chat.expect_refusal("look @loop", "loop cannot be read: Too many levels of symbolic links")
    chat.expect_refusal("look @hello.txt/x", "hello.txt/x cannot be read: Not a directory")
    chat.expect_refusal(f"look @{'x' * 300}", "File name too long")
    assert server.requests == []


def test_a_file_that_cannot_be_attached_is_refused_and_nothing_is_sent(
    server: Server, chat: Chat
) -> None:
    Path("big.txt").write_text("x" * 200_001)
    Path("nul.txt").write_text("a\0b")
    Path("latin.txt").write_bytes(b"caf\xe9")
    Path("folder").mkdir()
    chat.expect_refusal("look @missing.txt", "missing.txt does not exist")
    chat.expect_refusal("look @big.txt", "big.txt: too large: more than 200,000 bytes")
    chat.expect_refusal("look @nul.txt", "nul.txt is a binary file")
    chat.expect_refusal("look @latin.txt", "latin.txt is not UTF-8 text")
    chat.expect_refusal("look @folder", "folder is a directory")
    assert server.requests == []


def test_a_missing_closing_quote_is_an_error(server: Server, chat: Chat) -> None:
    Path("two words.txt").write_text("spaced")
    server.script(says("What file?"))
    chat.type('@"two words.txt and more' + ENTER)
    chat.wait_for(lambda _: "✗ " in chat.shown or "What file?" in chat.shown)
    assert server.requests == []


def test_a_fifo_is_not_reported_as_missing(server: Server, chat: Chat) -> None:
    os.mkfifo("in.fifo")
    chat.type("@in.fifo" + ENTER)
    chat.wait_for("✗ ")
    assert "in.fifo does not exist" not in chat.shown
