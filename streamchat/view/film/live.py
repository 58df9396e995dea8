"""The live view on a film's terminal."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console

from streamchat.view.film import FilmTerminal
from streamchat.view.live.view import LiveView
from streamchat.view.look import Look


def open_live_view(terminal: FilmTerminal, look: Look, clock: Callable[[], float]) -> LiveView:
    """Return a view of one turn; its colors do not depend on any terminal."""
    console = Console(
        file=io.StringIO(), force_terminal=True, color_system="truecolor", width=terminal.size[0]
    )
    return LiveView(terminal, console, look, reflow=False, clock=clock)
