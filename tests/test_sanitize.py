"""Making text harmless."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import get_args, get_type_hints
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.text.sanitize import (
    SafeOutput,
    SafeText,
    Sanitizer,
    cut,
    join,
    one_line,
    sanitize,
    styled,
)
from streamchat.view.answer import AnswerView
from streamchat.view.document import write_source
from streamchat.view.live.lines import Lines
from streamchat.view.live.view import LiveView
from streamchat.view.plain import PlainView
from streamchat.view.raw import RawView
from streamchat.view.style import StyledText
from streamchat.view.table import Cell, write_rows

ANY_TEXT = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x00\x7f", r"\x1b[31mred\x00\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("line\r\nnext\rover", "line\nnext\\x0dover"),
        ("abc\u202edcb\u2066\u061c", r"abc\u202edcb\u2066\u061c"),
        ("a\u200bb\ufeff\u2060\u00ad\u180e", r"a\u200bb\ufeff\u2060\xad\u180e"),
        ("a\ufffeb\uffff", r"a\ufffeb\uffff"),
        ("\U000e0041\U000e007f", r"\U000e0041\U000e007f"),
        ("\ud83d and \ude00", r"\ud83d and \ude00"),
        ("👩\u200d💻 漢字 é a\u200cb", "👩\u200d💻 漢字 é a\u200cb"),
    ],
)
def test_harmful_characters_become_visible(text: str, shown: str) -> None:
    assert sanitize(text) == shown


@given(ANY_TEXT)
def test_no_control_survives(text: str) -> None:
    shown = sanitize(text)
    shown.encode()
    assert not any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in shown)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\ufeff]", shown)
    assert sanitize(shown) == shown
    ElementTree.fromstring(f"<svg>{escape(shown)}</svg>")


@given(st.lists(st.one_of(ANY_TEXT, st.sampled_from(["\r", "\n", "\r\n", "\x1b", "["]))))
def test_no_split_lets_anything_through(pieces: list[str]) -> None:
    sanitizer = Sanitizer()
    assert "".join(map(sanitizer.feed, pieces)) + sanitizer.finish() == sanitize("".join(pieces))


def test_a_line_ending_split_in_two() -> None:
    sanitizer = Sanitizer()
    assert [sanitizer.feed("a\r"), sanitizer.feed("\nb\r"), sanitizer.finish()] == [
        *("a", "\nb", r"\x0d"),
    ]


def test_one_line_is_short_and_has_no_line_breaks() -> None:
    assert one_line(" two\n lines\x1b ") == r"two lines\x1b"
    assert len(one_line("x" * 1000)) == 300
    assert one_line("x" * 1000, 10) == "xxxxxxxxx…"


@given(ANY_TEXT, ANY_TEXT, st.integers(-5, 5))
def test_parts_of_safe_text_are_safe(one: str, other: str, at: int) -> None:
    both = join(sanitize(one), sanitize(other))
    assert sanitize(both) == both
    joined = join(sanitize(one), sanitize(other), separator="\x1b")
    assert joined == sanitize(one) + r"\x1b" + sanitize(other)
    assert sanitize(cut(both, at)) == cut(both, at)


@pytest.mark.parametrize(
    ("writer", "argument"),
    [
        (SafeOutput.write, "text"),
        (LiveView.write, "line"),
        (Lines.add, "line"),
    ],
)
def test_writers_take_safe_text_only(writer: Callable[..., object], argument: str) -> None:
    assert get_type_hints(writer)[argument] is SafeText


@pytest.mark.parametrize(
    "writer",
    [PlainView.__init__, RawView.__init__, AnswerView.__init__, write_source, write_rows],
)
def test_text_is_written_to_an_output_for_safe_text(writer: Callable[..., object]) -> None:
    assert get_type_hints(writer)["out"] is SafeOutput


@pytest.mark.parametrize("text", [StyledText, Cell])
def test_what_is_painted_is_safe_text(text: object) -> None:
    assert get_args(text)[0] is SafeText


def test_a_color_is_set_and_reset() -> None:
    assert styled(sanitize("a\x1b"), 36) == "\x1b[36ma\\x1b\x1b[0m"


def test_a_part_of_safe_text() -> None:
    text = sanitize("a\x1bb")
    assert (cut(text, 1), cut(text, 0, 1), cut(text, -1)) == (r"\x1bb", "a", "b")
