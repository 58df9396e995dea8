"""The command `sessions replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamchat.cli.options import Json, Plain, Raw
from streamchat.cli.stored import Id, open_store, require_some
from streamchat.cli.streams import choose_options
from streamchat.sessions.playhead import FASTEST, SLOWEST

Turn = Annotated[
    int | None, typer.Option("--turn", min=1, metavar="NUMBER", help="Play only this turn.")
]
Speed = Annotated[
    float | None,
    typer.Option(
        "--speed",
        min=SLOWEST,
        max=FASTEST,
        metavar="FACTOR",
        help="Play this much faster. [default: 1, or at once on a pipe]",
        show_default=False,
    ),
]
MaxPause = Annotated[
    float | None,
    typer.Option(
        "--max-pause", min=0, metavar="SECONDS", help="Cut longer pauses between two events."
    ),
]
Cast = Annotated[
    Path | None,
    typer.Option(
        "--cast",
        metavar="FILE",
        help="Write the live view as an asciicast v3, for asciinema; - for standard output.",
    ),
]
Svg = Annotated[
    Path | None,
    typer.Option(
        "--svg",
        metavar="FILE",
        help="Write the live view as an animated SVG; - for standard output.",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="SIZE",
        help="Columns and lines of the terminal for --cast and --svg. [default: 80x24]",
        show_default=False,
    ),
]


def replay(
    id: Id,
    turn: Turn = None,
    speed: Speed = None,
    max_pause: MaxPause = None,
    json: Json = False,
    plain: Plain = False,
    raw: Raw = False,
    cast: Cast = None,
    svg: Svg = None,
    size: Size = None,
) -> None:
    """Play a session again, in the rhythm in which it happened.

    On a terminal, space pauses, the right arrow shows the next event, up and down change the
    speed, and q leaves. With --cast or --svg, the session is written to a file instead.
    """
    from streamchat.cli.filming import FilmFiles, film_turns, parse_size
    from streamchat.cli.playing import Pace, choose_turns, replay_turns
    from streamchat.config import SettingsError

    options, pace = choose_options(plain=plain, raw=raw, json=json), Pace(speed, max_pause)
    files = FilmFiles(cast, svg)
    if files and (plain or raw or json):
        raise SettingsError("--cast and --svg show the live view, not --json, --plain or --raw")
    if cast and cast == svg:
        raise SettingsError("--cast and --svg need a file each")
    if size and not files:
        raise SettingsError("--size is for --cast and --svg")
    filmed = parse_size(size or "80x24")
    with open_store() as store:
        session = store.find(id)
        turns = choose_turns(store.turns(session.id), turn)
        require_some(turns, f"session {session.id} has no turns")
        if files:
            film_turns(store, session, turns, files, filmed, options.look, pace)
            return
        code = replay_turns(store, turns, options, pace)
    raise typer.Exit(code)
