"""Films turns: plays them on a terminal that is not there, in no time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from streamchat.events import TimedEvent
from streamchat.process.virtual_time import run_at_once
from streamchat.sessions.player import GAP, Player
from streamchat.sessions.replay import write_outcome, write_question
from streamchat.view.film import FilmStream, FilmTerminal, Frame, Size
from streamchat.view.film.live import open_live_view
from streamchat.view.look import Look


@dataclass(frozen=True, slots=True)
class Scene:
    """A turn to film: its question, as typed, and its events."""

    question: str
    events: Sequence[TimedEvent]


def film(
    scenes: Sequence[Scene],
    size: Size,
    look: Look,
    *,
    speed: float = 1.0,
    max_pause: float | None = None,
) -> list[Frame]:
    """Return what the live view writes to a terminal while turns are played one after another.

    Args:
        scenes: the turns.
        size: the terminal's.
        look: the view's.
        speed: how much faster than they happened.
        max_pause: the longest pause between two events, in seconds at the recorded speed.
    """
    return run_at_once(_film(scenes, size, look, speed, max_pause))


async def _film(
    scenes: Sequence[Scene], size: Size, look: Look, speed: float, max_pause: float | None
) -> list[Frame]:
    player = Player(speed, max_pause)
    terminal = FilmTerminal(size, asyncio.get_running_loop().time)
    out = FilmStream(terminal)
    for number, scene in enumerate(scenes):
        if number:
            await player.wait(GAP)
            out.write("\n")
        write_question(scene.question, out)
        view = open_live_view(terminal, look, player.read_clock)
        turn = await player.play(scene.events, view)
        write_outcome(turn, out, columns=size.columns)
    return terminal.frames
