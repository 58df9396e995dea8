"""Writes a session as a film, for `sessions replay` with `--cast` or `--svg`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streamchat.cli.playing import Pace
from streamchat.cli.stored import write_new
from streamchat.config import SettingsError
from streamchat.sessions import StoreError
from streamchat.sessions.film import Scene, film
from streamchat.sessions.records import Session, StoredTurn
from streamchat.sessions.store import Store
from streamchat.view.film import Frame, Size
from streamchat.view.film.cast import format_cast
from streamchat.view.look import Look

_LEAST, _MOST = Size(20, 5), Size(500, 200)


@dataclass(frozen=True, slots=True)
class FilmFiles:
    """Where a film goes, by format."""

    cast: Path | None = None
    svg: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.cast or self.svg)


def parse_size(text: str) -> Size:
    """Return the size of a terminal, which is written as columns and lines: 80x24.

    Raises:
        SettingsError: it is no size, or none that a terminal has.
    """
    found = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", text)
    size = Size(int(found[1]), int(found[2])) if found else Size(0, 0)
    for least, given, most in zip(_LEAST, size, _MOST, strict=True):
        if not least <= given <= most:
            limits = f"{_LEAST.columns}x{_LEAST.lines} to {_MOST.columns}x{_MOST.lines}"
            raise SettingsError(f"--size takes columns and lines, from {limits}, not {text}")
    return size


def film_turns(
    store: Store,
    session: Session,
    turns: Sequence[StoredTurn],
    files: FilmFiles,
    size: Size,
    look: Look,
    pace: Pace,
) -> None:
    """Write files with the turns as the live view shows them on a terminal of this size.

    Raises:
        StoreError: a file exists already, cannot be written, or what it takes is not installed.
    """
    scenes = [Scene(each.question, store.timed_events(each.id)) for each in turns]
    frames = film(scenes, size, look, speed=pace.speed or 1.0, max_pause=pace.max_pause)
    if files.cast:
        _write(files.cast, format_cast(frames, size, session.title, turns[0].started))
    if files.svg:
        _write(files.svg, _format_svg(frames, size, session.title))


def _format_svg(frames: Sequence[Frame], size: Size, title: str) -> str:
    try:
        from streamchat.view.film.svg import format_svg
    except ModuleNotFoundError as error:
        if error.name != "pyte":
            raise
        raise StoreError("--svg needs pyte: pip install 'streamchat[svg]'") from None
    return format_svg(frames, size, title)


def _write(path: Path, text: str) -> None:
    if path == Path("-"):
        sys.stdout.write(text)
    else:
        write_new(path, text)
