"""Long pastes, which the prompt shows as a label."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.repl.pastes import Pastes, ShowLabels
from tests.chatting import (
    CTRL_C,
    EMPTIED,
    ENTER,
    ESCAPE,
    PASTED,
    UP,
    Chat,
    find_files_with,
    hold,
    messages,
)
from tests.program import HANGS, Terminal
from tests.server import NEVER, Reply, Server, says

BACKSPACE = "\x7f"
EDIT = "\x18\x05"
LONG = "\n".join(f"line {number}" for number in range(1, 213))
OTHER = "\n".join(f"other {number}" for number in range(1, 31))
LABEL = "[pasted 212 lines]"


class TestFolding:
    """What stands for a text, without a prompt."""

    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("one", None),
            ("\n".join("x" * 20), None),
            ("\n".join("x" * 20) + "\n", None),
            ("\n".join("x" * 21), "[pasted 21 lines]"),
            ("\n" * 1234, "[pasted 1,234 lines]"),
        ],
    )
    def test_only_long_pastes_are_folded(self, text: str, label: str | None) -> None:
        pastes = Pastes()
        folded = pastes.fold_paste(text)
        assert pastes.show(folded) == (label or text)
        assert pastes.unfold(folded) == text
        assert len(folded) == (1 if label else len(text))

    def test_texts_are_told_apart(self) -> None:
        pastes = Pastes()
        one, two = pastes.fold_paste(LONG), pastes.fold_paste(OTHER)
        assert pastes.fold_paste(LONG) == one != two
        message = f"compare {one}\nwith {two}"
        assert pastes.show(message) == f"compare {LABEL}\nwith [pasted 30 lines]"
        assert pastes.unfold(message) == f"compare {LONG}\nwith {OTHER}"
        assert pastes.refold(pastes.unfold(message)) == message

    def test_a_recalled_message_keeps_its_first_line(self) -> None:
        pastes = Pastes()
        folded = pastes.fold_recalled(f"Explain this:\n{LONG}")
        assert pastes.show(folded) == "Explain this:\n[212 lines]"
        assert pastes.unfold(folded) == f"Explain this:\n{LONG}"
        assert pastes.fold_recalled("one\ntwo") == "one\ntwo"

    def test_a_character_that_stands_for_a_text_can_be_pasted(self) -> None:
        pastes = Pastes()
        character = pastes.fold_paste(LONG)
        folded = pastes.fold_paste(f"a strange {character}")
        assert pastes.unfold(folded) == f"a strange {character}"

    def test_nothing_is_folded_where_it_cannot_be_shown(self) -> None:
        pastes = Pastes(fold=False)
        assert pastes.fold_paste(LONG) == LONG
        assert pastes.fold_recalled(f"x\n{LONG}") == f"x\n{LONG}"

    @given(st.lists(st.sampled_from(["a", " ", "日", LONG, OTHER, LABEL]), max_size=8))
    def test_nothing_is_lost(self, parts: list[str]) -> None:
        pastes = Pastes()
        folded = "".join(map(pastes.fold_paste, parts))
        assert pastes.unfold(folded) == "".join(parts)
        assert pastes.unfold(pastes.refold("".join(parts))) == "".join(parts)

    @given(st.lists(st.sampled_from(["a", "日", LONG, OTHER]), max_size=8))
    def test_the_cursor_keeps_its_place(self, parts: list[str]) -> None:
        pastes = Pastes()
        line = "".join(map(pastes.fold_paste, parts))
        shown = ShowLabels(pastes).apply_transformation(SimpleNamespace(fragments=[("", line)]))
        text = "".join(piece for _, piece, *_ in shown.fragments)
        assert text == pastes.show(line)
        for at in range(len(line) + 2):
            place = shown.source_to_display(at)
            assert shown.display_to_source(place) == at
            assert text[:place] == pastes.show(line[:at]) or at > len(line)
        for place in range(len(text)):
            assert 0 <= shown.display_to_source(place) < len(line)


def test_a_long_paste_is_a_label_and_is_sent_whole(server: Server, tmp_path: Path) -> None:
    server.script(says("Long."), says("Again."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("see " + PASTED.format(LONG.replace("\n", "\r")) + " and")
        chat.wait_for_prompt(f"see {LABEL} and")
        chat.type(PASTED.format(OTHER) + "!" + ENTER)
        chat.wait_for("Long.")
        chat.wait_for_prompt()
        assert messages(server) == [f"see {LONG} and{OTHER}!"]
        assert f"› see {LABEL} and[pasted 30 lines]!" in chat.screen.everything()
        assert "line 7" not in chat.shown
        chat.type(UP)
        chat.wait_for_prompt(f"see {LABEL} and[pasted 30 lines]!")
        chat.type(ENTER)
        chat.wait_for("Again.")
        assert messages(server)[-1] == f"see {LONG} and{OTHER}!"


def test_a_paste_is_deleted_like_a_character(server: Server, tmp_path: Path) -> None:
    server.script(says("Typed."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("a" + PASTED.format(LONG) + PASTED.format(OTHER) + "b")
        chat.wait_for_prompt(f"a{LABEL}[pasted 30 lines]b")
        left = "\x1b[D"
        chat.type(left + BACKSPACE)
        chat.wait_for_prompt(f"a{LABEL}b")
        chat.type(left + "c")
        chat.wait_for_prompt(f"ac{LABEL}b")
        assert chat.screen.cursor_column == 4
        chat.type("\x04")  # Delete
        chat.wait_for_prompt("acb")
        chat.type(EMPTIED + LABEL + ENTER)
        chat.wait_for("Typed.")
        assert messages(server) == [LABEL], "what looks like a label is text"


@pytest.mark.parametrize(
    ("script", "shown", "sent"),
    [
        ("sed -i s/see/read/", f"read {LABEL}", f"read {LONG}"),
        ('echo "see it" >', "see it", "see it"),
        ("sed -i s/7/seven/g", "see line 1", f"see {LONG.replace('7', 'seven')}"),
    ],
)
def test_a_paste_is_whole_in_the_editor(
    server: Server, tmp_path: Path, script: str, shown: str, sent: str
) -> None:
    server.script(says("Edited."))
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\ncp "$1" ~/seen\n{script} "$1"\n')
    editor.chmod(0o755)
    with Chat(server, tmp_path, lines=250, EDITOR=str(editor)) as chat:
        chat.wait_until_ready()
        chat.type("see " + PASTED.format(LONG))
        chat.wait_for_prompt(f"see {LABEL}")
        chat.type(EDIT)
        chat.wait_for_prompt_beginning(shown)
        assert (tmp_path / "seen").read_text() == f"see {LONG}"
        chat.type(ENTER)
        chat.wait_for("Edited.")
        assert messages(server) == [sent]


def test_the_history_of_another_chat_holds_it_whole(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("see\n" + PASTED.format(LONG) + ENTER)
        chat.wait_for("One.")
        chat.leave()
    assert find_files_with(tmp_path / ".local/state", "line 212")
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type(UP)
        chat.wait_for_prompt("see\n  [212 lines]")
        chat.type(ENTER)
        chat.wait_for("Two.")
        assert messages(server)[-1] == f"see\n{LONG}"


@pytest.mark.parametrize("key", [ESCAPE, CTRL_C])
def test_a_paste_typed_ahead_comes_back_folded(server: Server, tmp_path: Path, key: str) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(Reply((*says("Once").parts, NEVER)))
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type("see " + PASTED.format(LONG) + ENTER)
        chat.wait_for(f"queued: see {LABEL}")
        chat.type(PASTED.format(OTHER) + "?")
        chat.wait_for("› [pasted 30 lines]?")
        chat.type(key)
        assert server.disconnected.wait(HANGS)
        chat.wait_for_prompt(f"see {LABEL}")
        server.script(says("Yes."), says("No."))
        chat.type(ENTER)
        chat.wait_for("Yes.")
        assert messages(server)[-1] == f"see {LONG}"
        chat.wait_for_prompt("[pasted 30 lines]?")
        chat.type(ENTER)
        chat.wait_for("No.")
        assert messages(server)[-1] == f"{OTHER}?"


def test_a_queued_paste_is_sent_whole_and_shown_folded(server: Server, tmp_path: Path) -> None:
    go_on = threading.Event()
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        server.script(hold(says("Once"), go_on), says("Yes."))
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type("see " + PASTED.format(LONG) + ENTER)
        chat.wait_for(f"queued: see {LABEL}")
        go_on.set()
        chat.wait_for("Yes.")
        chat.wait_for_prompt()
        assert messages(server)[-1] == f"see {LONG}"
        assert f"› see {LABEL}" in chat.screen.everything()
        chat.type(UP)
        chat.wait_for_prompt(f"see {LABEL}")


def test_a_message_that_is_refused_comes_back_folded(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("@missing.txt " + PASTED.format(LONG) + ENTER)
        chat.wait_for("missing.txt does not exist")
        chat.wait_for_prompt(f"@missing.txt {LABEL}")


def test_a_dumb_terminal_folds_nothing(server: Server, tmp_path: Path) -> None:
    server.script(says("Long."))
    variables = {"OPENAI_BASE_URL": server.url, "TERM": "dumb"}
    with Terminal(tmp_path, "repl", lines=250, **variables) as terminal:
        terminal.wait_for(lambda lines: lines[-1:] == [">"] and terminal.is_raw)
        terminal.type(PASTED.format(OTHER) + ENTER)
        terminal.wait_for("Long.")
        assert "pasted" not in terminal.written
        assert messages(server) == [OTHER]
