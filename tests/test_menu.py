"""The menu of completions: its size, its colours, and the rows it gives back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamchat.repl.commands import COMMANDS
from tests.chatting import BACKSPACE, EMPTIED, ENTER, Chat
from tests.server import Server, says

TAB = "\t"
OFFERED = [each for each in COMMANDS.values() if not each.with_agent]
"""What there is in a chat with a model."""


def count_offers(chat: Chat) -> int:
    return len((chat.prompted or "").split("\n")) - 1


def wait_for_offers(chat: Chat, many: int) -> None:
    chat.wait_for(lambda _: count_offers(chat) == many)


@pytest.mark.parametrize(("lines", "many"), [(40, len(OFFERED)), (24, 21), (15, 12), (7, 4)])
def test_the_menu_takes_the_room_there_is(
    server: Server, tmp_path: Path, lines: int, many: int
) -> None:
    with Chat(server, tmp_path, lines=lines) as chat:
        chat.wait_until_ready()
        chat.type("/")
        wait_for_offers(chat, many)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_menu_takes_the_width_there_is(server: Server, tmp_path: Path, columns: int) -> None:
    with Chat(server, tmp_path, columns=columns) as chat:
        chat.wait_until_ready()
        chat.type("/")
        wait_for_offers(chat, len(OFFERED))
        longest = max((each.help for each in OFFERED), key=len)
        assert any(longest[: columns - 20] in each for each in chat.screen.visible())
        assert chat.shown.startswith(" streamchat")


def test_a_menu_below_several_lines(server: Server, tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("one\ntwo\n@~/no")
        chat.wait_for_prompt("one\n  two\n  @~/no\n        ~/note.txt")


@pytest.mark.parametrize("keys", [BACKSPACE, "tmp is full", TAB + ENTER, EMPTIED])
def test_a_closed_menu_gives_its_rows_back(server: Server, tmp_path: Path, keys: str) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        before = chat.screen.visible()
        chat.type("/")
        wait_for_offers(chat, len(OFFERED))
        chat.type(keys)
        chat.wait_for(lambda lines: len(lines) == len(before) and count_offers(chat) == 0)
        assert chat.screen.visible()[:-2] == before[:-2]


def test_a_menu_reserves_no_more_rows_than_it_needs(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        before = len(chat.screen.visible())
        chat.type("/ver")
        chat.wait_for_completion("/ver", "turn the debug lines")
        assert len(chat.screen.visible()) == before + 1


def test_a_message_after_a_menu_is_not_followed_by_its_rows(server: Server, tmp_path: Path) -> None:
    server.script(says("It is."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("/")
        wait_for_offers(chat, len(OFFERED))
        chat.type(EMPTIED + "Is it so?" + ENTER)
        chat.wait_for("It is.")
        chat.wait_for_prompt()
        lines = chat.screen.everything()
        assert ["", ""] not in [lines[n : n + 2] for n in range(len(lines))]


def test_the_menu_has_no_background_of_its_own(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("/")
        wait_for_offers(chat, len(OFFERED))
        chat.type(TAB)
        chat.wait_for_prompt_beginning("/help")
        lines = chat.screen.visible()
        at = lines.index("› /help")
        cells = [cell for row in range(at + 1, len(lines) - 1) for cell in chat.screen.row(row)]
        assert {(each.fg, each.bg) for each in cells} == {("default", "default")}
        assert chat.screen.row(at + 1)[1].reverse
        assert not chat.screen.row(at + 2)[1].reverse
        assert not re.search(r"\x1b\[[\d;]*[34]8;", chat.written), "only the standard colours"
