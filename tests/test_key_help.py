"""`?`, which shows the keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamchat.repl.keys import format_keys, list_keys
from tests.chatting import CTRL_C, EMPTIED, ENTER, ESCAPE, PASTED, Chat, messages
from tests.program import Terminal, run
from tests.server import Server, says


@pytest.mark.parametrize("vi", [False, True])
def test_the_keys_fit(vi: bool) -> None:
    keys = list_keys(vi=vi)
    wide, narrow = format_keys(keys, 80), format_keys(keys, 40)
    assert len(wide) == len(narrow) / 2 == len(keys) / 2
    assert max(map(len, wide)) < 80
    assert max(map(len, narrow)) < 40
    for key, what in keys:
        assert sum(f" {key} " in line and what in line for line in wide) == 1


def test_the_keys_are_shown_until_something_is_typed(server: Server, tmp_path: Path) -> None:
    server.script(says("It is."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        before = chat.screen.visible()
        chat.type("?")
        shown = "›\n" + "\n".join(format_keys(list_keys(vi=False), 80))
        chat.wait_for(lambda _: chat.prompted == shown)
        chat.type("Is it so?")
        chat.wait_for(lambda lines: len(lines) == len(before))
        assert chat.prompted == "› Is it so?"
        chat.type(ENTER)
        chat.wait_for("It is.")
        assert messages(server) == ["Is it so?"]


@pytest.mark.parametrize("keys", ["?", CTRL_C, ENTER])
def test_the_keys_disappear_and_nothing_is_sent(server: Server, tmp_path: Path, keys: str) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("?")
        chat.wait_for("open the editor")
        chat.type(keys)
        chat.wait_for(lambda lines: not any("open the editor" in line for line in lines))
        chat.wait_for_prompt()
        assert server.requests == []


def test_a_small_window_shows_the_first_keys(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path, columns=40, lines=8) as chat:
        chat.wait_until_ready()
        chat.type("?")
        chat.wait_for(lambda _: len((chat.prompted or "").split("\n")) == 7)
        assert chat.screen.visible()[0] == "›"


def test_a_question_mark_inside_a_text_is_a_character(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("why?")
        chat.wait_for_prompt("why?")
        chat.type(EMPTIED + " ?")
        chat.wait_for_prompt(" ?")
        chat.type(EMPTIED + PASTED.format("?"))
        chat.wait_for_prompt("?")
        chat.type("\x12?")  # in a search, too
        chat.wait_for("I-search backward: ?")


def test_vi_searches_with_it_in_navigation_mode(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path, STREAMCHAT_EDITING="vi") as chat:
        chat.wait_until_ready()
        chat.type("?")
        chat.wait_for("Esc v")
        chat.type("?" + ESCAPE)
        chat.wait_for(lambda _: chat.bar.startswith("[navigation]"))
        chat.type("?")
        chat.wait_for(lambda lines: lines[-1].startswith("[") and "Esc v" not in chat.shown)


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
def test_a_plain_chat_lists_the_keys_instead_of_sending_it(
    server: Server, tmp_path: Path, term: str
) -> None:
    arguments = [] if term == "dumb" else ["--plain"]
    variables = {"OPENAI_BASE_URL": server.url, "TERM": term}
    with Terminal(tmp_path, "repl", *arguments, **variables) as terminal:
        terminal.wait_for(lambda lines: lines[-1:] == [">"] and terminal.is_raw)
        terminal.type("?" + ENTER)
        terminal.wait_for("Ctrl-X Ctrl-E: open the editor")
        terminal.wait_for(lambda lines: lines[-1:] == [">"] and terminal.is_raw)
        terminal.type("/help" + ENTER)
        terminal.wait_for("Topics of the manual")
        assert sum("Ctrl-D: quit" in each for each in terminal.screen.everything()) == 2
    assert server.requests == []


def test_on_a_pipe_it_is_a_question(server: Server, tmp_path: Path) -> None:
    server.script(says("What?"))
    assert run(tmp_path, "repl", stdin="?", OPENAI_BASE_URL=server.url).stdout == "What?\n"
