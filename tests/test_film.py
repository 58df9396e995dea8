"""Films of sessions: an asciicast, and an animated SVG."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from streamchat.cli import filming
from streamchat.config import SettingsError
from streamchat.events import Event, TextDelta, TimedEvent, TurnDone, TurnFailed, TurnStarted
from streamchat.sessions import StoreError
from streamchat.sessions.film import Scene, film
from streamchat.turn import fold
from streamchat.view.film import Frame, Size
from streamchat.view.film.cast import format_cast
from streamchat.view.film.screen import Look, Picture, draw_pictures
from streamchat.view.film.svg import format_svg
from streamchat.view.look import Look as ViewLook
from tests.program import Terminal, run
from tests.screen import Screen
from tests.stores import store_timed
from tests.turns import ASKING, EVIL, GRAPH, NOTEBOOK, PRINTING

LONG = [
    TurnStarted("Count.", "m"),
    *(TextDelta(f"Line {at}.\n\n") for at in range(30)),
    TurnDone("".join(f"Line {at}.\n\n" for at in range(30))),
]
"""A turn that scrolls."""
FAILED = [TurnStarted("q", "m"), TextDelta("Half"), TurnFailed("no answer from h " * 9, 1.5)]
ODD = "漢字 & <b>" + EVIL
WIDE = [TurnStarted("漢字 & <b>", "m"), TextDelta(ODD), TurnDone(ODD)]
TURNS = [NOTEBOOK, GRAPH, ASKING, PRINTING, LONG, FAILED, WIDE]
SMALL = Size(40, 12)


def pace(events: Sequence[Event]) -> Scene:
    """Return the scene of a turn with an event every 150 milliseconds."""
    timed = [TimedEvent(each, 150 * at) for at, each in enumerate(events)]
    return Scene(fold(events).question, timed)


def shoot(*turns: Sequence[Event], size: Size = SMALL, **options: Any) -> list[Frame]:
    return film([pace(events) for events in turns], size, ViewLook(), **options)


class TestFilm:
    def test_it_lasts_as_long_as_the_turns(self) -> None:
        frames = shoot(NOTEBOOK)
        assert frames[0].at == 0
        assert frames[-1].at == pytest.approx(0.15 * (len(NOTEBOOK) - 1))
        assert [each.at for each in frames] == sorted(each.at for each in frames)
        assert shoot(NOTEBOOK, NOTEBOOK)[-1].at == pytest.approx(2 * frames[-1].at + 1)
        assert shoot(NOTEBOOK, speed=3)[-1].at == pytest.approx(frames[-1].at / 3)
        assert shoot(NOTEBOOK, max_pause=0.05)[-1].at == pytest.approx(frames[-1].at / 3)

    def test_it_is_the_same_every_time(self) -> None:
        assert shoot(*TURNS) == shoot(*TURNS)

    def test_waiting_is_animated(self) -> None:
        slow = Scene("q", [TimedEvent(TurnStarted("q", "m"), 0), TimedEvent(TurnDone("a"), 2000)])
        times = {round(each.at, 1) for each in film([slow], SMALL, ViewLook())}
        assert len(times) > 15

    def test_a_failure_is_wrapped_for_its_size(self) -> None:
        shown = play_cast(format_cast(shoot(FAILED), SMALL, "", 0)).everything()
        assert shown[-5].startswith("✗ no answer from h")
        assert all(len(line) < SMALL.columns for line in shown[-5:])


class TestCast:
    @pytest.mark.parametrize("events", TURNS)
    def test_it_can_be_played(self, events: Sequence[Event]) -> None:
        frames = shoot(events)
        text = format_cast(frames, SMALL, "Sums\ud800", 1234567.8)
        header = json.loads(text.splitlines()[0])
        assert header == {
            "version": 3,
            "term": {"cols": 40, "rows": 12, "type": "xterm-256color"},
            "timestamp": 1234567,
            "title": "Sums\ufffd",
        }
        direct = Screen(*SMALL)
        direct.write("".join(frame.text for frame in frames))
        assert play_cast(text).everything() == direct.everything()
        assert not direct.modes()
        assert direct.cursor_is_visible

    def test_intervals_add_up(self) -> None:
        frames = [Frame(at / 3000, "x") for at in range(3000)]
        _, *lines = format_cast(frames, SMALL, "", 0).splitlines()
        intervals = [json.loads(line)[0] for line in lines]
        assert sum(intervals) == pytest.approx(frames[-1].at, abs=0.001)


def play_cast(text: str) -> Screen:
    """Return the screen after an asciicast v3, read as its specification has it."""
    first, *lines = text.split("\n")
    header = json.loads(first)
    screen = Screen(header["term"]["cols"], header["term"]["rows"])
    assert lines.pop() == ""
    for line in lines:
        interval, code, data = json.loads(line)
        assert re.match(r"\[\d+\.\d+, ", line)
        assert (interval >= 0, code) == (True, "o")
        data.encode()
        screen.write(data)
    return screen


class TestSvg:
    @pytest.mark.parametrize("events", TURNS)
    def test_it_shows_what_the_terminal_shows(self, events: Sequence[Event]) -> None:
        frames = shoot(events)
        svg = Svg(format_svg(frames, SMALL, "Sums & more"))
        for picture in draw_pictures(frames, SMALL):
            assert svg.look(picture.at + 0.0005) == read(picture)
        screen = Screen(*SMALL)
        screen.write("".join(frame.text for frame in frames))
        assert read(picture) == screen.visible()

    def test_at_rest_it_is_the_last_picture(self) -> None:
        """For readers who want no motion, and for programs that know no animation."""
        frames = shoot(LONG)
        svg = Svg(format_svg(frames, SMALL, ""))
        assert svg.look(None) == read(draw_pictures(frames, SMALL)[-1])
        assert "prefers-reduced-motion" in svg.style

    def test_nothing_in_it_runs_or_is_loaded(self) -> None:
        text = format_svg(shoot(*TURNS), SMALL, "<script>alert(1)</script>")
        tags = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(text).iter()}
        assert tags == {
            *("svg", "title", "style", "clipPath", "rect", "circle"),
            "text",
            "g",
            "tspan",
        }
        assert "url(" not in text.replace("url(#window)", "")
        assert not re.search(r"href|@import|@font-face|\son\w+=", text)
        assert "\x1b" not in text

    def test_text_is_text(self) -> None:
        text = format_svg(shoot(WIDE), SMALL, "")
        assert "漢字 &amp; &lt;b&gt;" in text

    def test_its_size_grows_with_what_changes(self) -> None:
        """Not with the number of pictures, nor with the lines on each."""
        text = format_svg(shoot(LONG, size=Size(80, 24)), Size(80, 24), "")
        assert len(text) < 30_000

    def test_it_is_no_higher_than_what_it_shows(self) -> None:
        text = format_svg(shoot(NOTEBOOK, size=Size(80, 50)), Size(80, 50), "")
        height = float(text.split('viewBox="0 0 ')[1].split('"')[0].split()[1])
        assert height < 15 * 24.4

    def test_colors_of_both_palettes_and_of_neither(self) -> None:
        frames = [
            Frame(0, "\x1b[2;31mr\x1b[0m\x1b[38;2;1;2;3mg\x1b[0m\x1b[1;4;9mb\x1b[0m"),
            Frame(1, "x"),
        ]
        (row, *_) = draw_pictures(frames, SMALL)[-1].rows
        assert [run.look for run in row] == [
            *(Look(1, dim=True), Look("#010203"), Look(bold=True, underline=True, strike=True)),
            Look(),
        ]
        text = format_svg(frames, SMALL, "")
        assert "fill:#010203" in text
        assert text.count(".c1{fill:") == 2
        assert "prefers-color-scheme:light" in text


class Svg:
    """Reads a film as a browser does."""

    def __init__(self, text: str) -> None:
        root = ElementTree.fromstring(text)
        namespace = {"": "http://www.w3.org/2000/svg"}
        self.style = root.findtext("style", "", namespace)
        found = re.search(r"\.page,\.m\{animation:([\d.]+)s step-end infinite", self.style)
        assert found
        self._seconds = float(found[1])
        page = root.find("g/g", namespace)
        window = root.find("clipPath/rect", namespace)
        assert page is not None
        assert window is not None
        self._height = round(float(window.get("height", "")) / 24.4)
        self._lines = page.findall("text", namespace)

    def look(self, at: float | None) -> list[str]:
        """Return the lines in the window at a time, or those of a film at rest."""
        scrolled = self._find_scrolled(at)
        rows = [""] * self._height
        for line in self._lines:
            place = round((float(line.get("y", "")) - 20) / 24.4) - scrolled
            if 0 <= place < self._height and self._is_visible(line.get("class", "").split(), at):
                assert not rows[place]
                rows[place] = "".join(span.text or "" for span in line)
        return strip(rows)

    def _find_scrolled(self, at: float | None) -> int:
        if at is None:
            found = re.search(
                r"\.page\{animation-name:page;transform:translateY\((.*?)px", self.style
            )
            return round(-float(found[1]) / 24.4) if found else 0
        moved = self._find_step("page", at)
        return round(-float(moved.split("(")[1].split("px")[0]) / 24.4) if moved else 0

    def _is_visible(self, classes: Sequence[str], at: float | None) -> bool:
        if "m" not in classes:
            return True
        if at is None:
            return "e" in classes
        return self._find_step(classes[1], at) == "visibility:visible"

    def _find_step(self, name: str, at: float) -> str:
        """Return the rule of the last keyframe that has been reached."""
        found = re.search(rf"@keyframes {name}\{{(.*?\}})\}}", self.style)
        if not found:
            return ""
        steps = re.findall(r"([\d.]+)%\{(.*?)\}", found[1])
        assert float(steps[0][0]) == 0
        return [rule for share, rule in steps if float(share) <= 100 * at / self._seconds][-1]


def read(picture: Picture) -> list[str]:
    return strip(["".join(run.text for run in row) for row in picture.rows])


def strip(rows: list[str]) -> list[str]:
    """Return the lines without the empty ones at the end."""
    while rows and not rows[-1]:
        rows.pop()
    return rows


class TestTheProgram:
    def test_it_writes_files(self, tmp_path: Path) -> None:
        session = store_timed(tmp_path, pace(NOTEBOOK).events)
        command = ("sessions", "replay", session, "--size", "40x12")
        done = run(tmp_path, *command, "--cast", "a.cast", "--svg", "a.svg", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        shown = "\n".join(play_cast((tmp_path / "a.cast").read_text()).everything())
        assert "› What is 10 + 10" in shown
        assert "10 + 10 equals 20." in shown
        assert "10 + 10 equals 20." in unescape((tmp_path / "a.svg").read_text())
        again = run(tmp_path, *command, "--svg", "a.svg", cwd=tmp_path)
        assert (again.returncode, again.stderr) == (1, "error: a.svg already exists\n")
        piped = run(tmp_path, *command, "--cast", "-").stdout
        assert piped == (tmp_path / "a.cast").read_text()

    def test_a_terminal_and_its_size_make_no_difference(self, tmp_path: Path) -> None:
        session = store_timed(tmp_path, pace(FAILED).events)
        command = ("sessions", "replay", session, "--cast")
        assert run(tmp_path, *command, str(tmp_path / "pipe.cast")).returncode == 0
        terminal = Terminal(tmp_path, *command, str(tmp_path / "tty.cast"), columns=33)
        with terminal:
            assert terminal.exit_code() == 0
            assert terminal.written == ""
        assert (tmp_path / "pipe.cast").read_text() == (tmp_path / "tty.cast").read_text()

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (("--cast", "f", "--json"), "--cast and --svg show the live view"),
            (("--svg", "f", "--plain"), "--cast and --svg show the live view"),
            (("--cast", "-", "--svg", "-"), "--cast and --svg need a file each"),
            (("--size", "80x24"), "--size is for --cast and --svg"),
            (("--cast", "f", "--size", "wide"), "--size takes columns and lines"),
        ],
    )
    def test_what_does_not_fit_together(
        self, tmp_path: Path, arguments: Sequence[str], error: str
    ) -> None:
        session = store_timed(tmp_path, pace(NOTEBOOK).events)
        done = run(tmp_path, "sessions", "replay", session, *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert error in done.stderr
        assert not (tmp_path / "f").exists()

    @pytest.mark.parametrize("size", ["80", "x", "80x", "80x4", "501x24", "80x24x3", "-8x9"])
    def test_sizes_that_no_terminal_has(self, size: str) -> None:
        with pytest.raises(SettingsError, match=r"^--size takes columns and lines, from 20x5 to "):
            filming.parse_size(size)

    def test_without_pyte(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("screen", "svg"):
            monkeypatch.delitem(sys.modules, f"streamchat.view.film.{name}")
        monkeypatch.setitem(sys.modules, "pyte", None)
        needed = r"^--svg needs pyte: pip install 'streamchat\[svg\]'$"
        with pytest.raises(StoreError, match=needed):
            filming._format_svg([], SMALL, "")
