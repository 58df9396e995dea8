"""What Tab offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chatting import EMPTIED, ENTER, Chat, messages
from tests.program import run
from tests.server import Server, lists, says


@pytest.fixture
def chat(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]  # a generator of one
    monkeypatch.chdir(tmp_path)
    server.models = lists("mistral-one", "qwen-two")
    server.script(says("Yes."), says("No."))
    run(tmp_path, "repl", stdin="an old question", OPENAI_BASE_URL=server.url)
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        yield chat


def test_commands_their_arguments_and_files(server: Server, chat: Chat) -> None:
    Path("note.txt").write_text("remember")
    Path("notes").mkdir()
    chat.type("/ver")
    chat.wait_for_completion("/ver", "turn the debug lines")
    chat.type("\t")
    chat.wait_for_prompt_beginning("/verbose")
    chat.type(EMPTIED + "/help expo")
    chat.wait_for_completion("/help expo", "export the session as Markdown")
    chat.type("\t")
    chat.wait_for_prompt_beginning("/help export")
    chat.type(EMPTIED)
    chat.send("/model")
    chat.type("/model qw")
    chat.wait_for_completion("/model qw", "qwen-two")
    chat.type("\t")
    chat.wait_for_prompt_beginning("/model qwen-two")
    chat.type(EMPTIED)
    old = next(each for each in chat.send("/sessions").split("\n") if "an old question" in each)
    chat.type(f"/resume {old[:3]}")
    chat.wait_for_completion(f"/resume {old[:3]}", "an old question")
    chat.type("\t")
    chat.wait_for_prompt_beginning(f"/resume {old[:8]}")
    chat.type(EMPTIED + "/export no")
    chat.wait_for_completion("/export no", "note.txt", "notes/")
    chat.type(EMPTIED + "look at @note.")
    chat.wait_for_completion("look at @note.", "note.txt")
    chat.type("\t")
    chat.wait_for_prompt_beginning("look at @note.txt")
    # The first Enter accepts the completion, the second sends.
    chat.type(ENTER)
    chat.wait_for_prompt("look at @note.txt")
    chat.type(ENTER)
    chat.wait_for("No.")
    assert messages(server)[-1].startswith("look at @note.txt\n\nFile note.txt:")


def test_a_file_name_with_a_space_is_completed_in_quotes(server: Server, chat: Chat) -> None:
    Path("two words.txt").write_text("spaced")
    chat.type("@tw")
    chat.wait_for_completion("@tw", "two words.txt")
    chat.type("\t")
    chat.wait_for(lambda _: "words" in (chat.prompted or "").split("\n")[0])
    chat.type(ENTER + ENTER)
    chat.wait_for(lambda _: "No." in chat.shown or "error" in chat.shown)
    assert "spaced" in messages(server)[-1]


def test_models_are_completed_without_listing_them_first(chat: Chat) -> None:
    chat.type("/model qw")
    chat.wait_for_completion("/model qw", "qwen-two")


def test_sessions_are_completed_without_listing_them_first(chat: Chat) -> None:
    chat.type("/resume ")
    chat.wait_for_completion("/resume", "an old question")
