"""The pictures of README and manual match the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.screens import FILM, FOLDER, NAMES, draw_svg, read_film, read_words, shoot_film
from tests.test_readme import PICTURE, README, ROOT

MANUAL = ROOT / "streamchat" / "manual"


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("light")])
def test_a_picture_is_up_to_date(name: str) -> None:
    """If this fails, redraw the pictures with `python -m tests.screens`, and look at them."""
    drawn = read_words(draw_svg(name))
    for theme in ("", "-light"):
        picture = (FOLDER / f"{name}{theme}.svg").read_text(encoding="utf-8")
        assert read_words(picture) == drawn


def test_the_film_is_up_to_date() -> None:
    picture = (FOLDER / f"{FILM}.svg").read_text(encoding="utf-8")
    assert read_film(picture) == read_film(shoot_film())


def test_every_picture_is_in_the_readme_or_the_manual() -> None:
    shown = {ROOT / each for each in PICTURE.findall(README)}
    for page in MANUAL.glob("*.md"):
        links = PICTURE.findall(page.read_text(encoding="utf-8"))
        shown |= {Path(page.parent / each).resolve() for each in links}
    page = {FOLDER / f"serve{suffix}.png" for suffix in ("", "-light")}  # of a browser
    assert shown == {FOLDER / f"{name}.svg" for name in [*NAMES, FILM]} | page
    assert shown == {*FOLDER.iterdir()}


def test_a_picture_loads_no_remote_fonts() -> None:
    for picture in FOLDER.glob("*.svg"):
        assert "@font-face" not in picture.read_text(encoding="utf-8")
