"""Tracebacks on a terminal, and elsewhere."""

from __future__ import annotations

import io

import pytest

from streamchat.view.traceback import show_traceback
from tests.screen import Screen

TEXT = """\
Traceback (most recent call last):
  File "my_agent.py", line 12, in look_up
    return table["Paris"]
           ~~~~~^^^^^^^^^
KeyError: 'Paris\x1b[2J'"""


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def show(out: io.StringIO, **options: bool) -> str:
    show_traceback(TEXT, out, "auto", **options)
    return out.getvalue()


def test_a_traceback_is_highlighted_on_a_terminal() -> None:
    shown = show(Tty())
    screen = Screen()
    screen.write(shown.replace("\n", "\r\n"))
    assert screen.visible() == TEXT.replace("\x1b", "\\x1b").split("\n")
    rows = [screen.row(number) for number in range(5)]
    assert rows[2][4].bold  # a keyword
    assert [row[at].fg for row, at in zip(rows[2:], (18, 11, 0), strict=True)] == [
        *("magenta", "red", "red"),
    ]


def test_elsewhere_it_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TEXT.replace("\x1b", "\\x1b") + "\n"
    assert show(io.StringIO()) == show(Tty(), plain=True) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert show(Tty()) == plain
