"""The keys that control a replay: pause, step, change the speed, leave."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from prompt_toolkit.input import Input, create_input
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from streamchat.sessions.player import Player

_HELP = "Space pauses, Right steps, Up and Down change the speed, q leaves"
_ESCAPE_SECONDS = 0.1
"""How long the rest of a key's sequence may take to arrive."""
_FACTOR = 2.0


def format_help(columns: int) -> str:
    """Return what the keys do, in lines that fit."""
    return textwrap.fill(_HELP, max(columns - 1, 20))


@contextmanager
def take_keys(player: Player, interrupt: Callable[[], object]) -> Iterator[None]:
    """Let the keys of the terminal at standard input control the player in this context.

    Args:
        player: plays a turn.
        interrupt: called on Ctrl-C, which is a key like any other here.
    """
    keyboard, loop = create_input(), asyncio.get_running_loop()
    actions: dict[str, Callable[[], object]] = {
        " ": player.pause,
        Keys.Right: player.step,
        Keys.Up: lambda: player.change_speed(_FACTOR),
        Keys.Down: lambda: player.change_speed(1 / _FACTOR),
        "q": player.leave,
        Keys.Escape: player.leave,
        Keys.ControlD: player.leave,
        Keys.ControlC: interrupt,
        Keys.ControlZ: lambda: _suspend(player, keyboard),
    }

    def take(presses: Iterable[KeyPress]) -> None:
        for pressed in presses:
            actions.get(pressed.key, _do_nothing)()

    def read() -> None:
        take(keyboard.read_keys())
        # Escape may be a key, or begin the sequence of one.
        loop.call_later(_ESCAPE_SECONDS, lambda: take(keyboard.flush_keys()))

    with keyboard.raw_mode(), keyboard.attach(read):
        yield


def _suspend(player: Player, keyboard: Input) -> None:
    with keyboard.cooked_mode():
        player.suspend()


def _do_nothing() -> None:
    """Any other key is ignored."""
