"""Text made harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.safe import one_line, safe, without_secret


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x00\x7f", "␛[31mred␀␡"),
        ("\x9b31m", "�31m"),
        ("line\r\nnext\rover", "line\nnext␍over"),
        ("abc\u202edcb\u2066", "abc�dcb�"),
        ("a\u200bb\ufeff", "a�b�"),
        ("\ud83d", "�"),
        ("👩\u200d💻 漢字 é", "👩\u200d💻 漢字 é"),
    ],
)
def test_harmful_characters_become_visible(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(st.characters(codec=None)))
def test_no_control_survives(text: str) -> None:
    shown = safe(text)
    shown.encode()
    assert not any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in shown)
    assert safe(shown) == shown


def test_one_line_is_short_and_one_line() -> None:
    assert one_line(" two\n lines\x1b ") == "two lines␛"
    assert len(one_line("x" * 1000)) == 300
    assert one_line("x" * 1000, 10) == "xxxxxxxxx…"


def test_a_secret_is_blotted_out() -> None:
    assert without_secret("key sk-1!", "sk-1") == "key ***!"
    assert without_secret("no key", None) == "no key"
