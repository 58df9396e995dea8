"""The README's pictures match the program."""

from __future__ import annotations

import pytest

from tests.screens import FOLDER, PICTURES, draw_svg, read_words
from tests.test_readme import README


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_up_to_date(name: str) -> None:
    """If this fails, redraw the pictures with `python -m tests.screens`, and look at them."""
    assert read_words((FOLDER / f"{name}.svg").read_text(encoding="utf-8")) == read_words(
        draw_svg(name)
    )
    assert f"](tests/pictures/{name}.svg)" in README


def test_a_picture_loads_no_remote_fonts() -> None:
    for picture in FOLDER.iterdir():
        assert "@font-face" not in picture.read_text(encoding="utf-8")
