"""Runs `streamchat sessions replay`."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import typer

from streamchat.process.interrupts import InterruptHandler
from streamchat.process.runtime import run
from streamchat.process.signals import TERMINATION_SIGNALS
from streamchat.process.stdio import print_error
from streamchat.process.styles import dim
from streamchat.process.tty import can_repaint, echo_off
from streamchat.sessions import StoreError
from streamchat.sessions.player import GAP, Player
from streamchat.sessions.records import StoredTurn
from streamchat.sessions.replay import replay_live
from streamchat.sessions.rhythm import lacks_times
from streamchat.sessions.store import Store
from streamchat.text.sanitize import sanitize
from streamchat.view.choose import ViewOptions


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast turns are played.

    Attributes:
        speed: how much faster than they happened; None for that on a terminal, else at once.
        max_pause: the longest pause between two events, in seconds at the recorded speed.
    """

    speed: float | None = None
    max_pause: float | None = None


def choose_turns(turns: Sequence[StoredTurn], number: int | None) -> Sequence[StoredTurn]:
    """Return the turn with this number; all of them without one.

    Raises:
        StoreError: there is no such turn.
    """
    chosen = [each for each in turns if number in (None, each.number)]
    if turns and not chosen:
        raise StoreError(
            f"no turn {number}; turns run from {turns[0].number} to {turns[-1].number}"
        )
    return chosen


def replay_turns(
    store: Store, turns: Sequence[StoredTurn], options: ViewOptions, pace: Pace
) -> int:
    """Play turns one after another on standard output, and return the exit code.

    Raises:
        OSError: the output is gone.
    """
    interrupts = InterruptHandler(signal.SIGINT, *TERMINATION_SIGNALS, linger=True)
    with echo_off():
        cancelled = run(_run(store, turns, options, pace, interrupts))
    return 128 + interrupts.received if cancelled else 0


async def _run(
    store: Store,
    turns: Sequence[StoredTurn],
    options: ViewOptions,
    pace: Pace,
    interrupts: InterruptHandler,
) -> bool:
    """Play turns; return whether a signal, or Ctrl-C, has ended that."""
    at_once = pace.speed is None and not sys.stdout.isatty()
    player = Player(pace.speed or 1.0, 0.0 if at_once else pace.max_pause)
    with _take_keys(player, interrupts, options):
        playing = await interrupts.run(_play(store, turns, options, player, at_once=at_once))
    if not playing.cancelled():
        playing.result()
    return playing.cancelled()


async def _play(
    store: Store,
    turns: Sequence[StoredTurn],
    options: ViewOptions,
    player: Player,
    *,
    at_once: bool,
) -> None:
    for number, turn in enumerate(turns):
        if number:
            await player.wait(GAP)
            if can_repaint(sys.stdout) and not (options.json or options.plain):
                typer.echo()
        events = store.timed_events(turn.id)
        if not at_once and lacks_times(events):
            print_error(f"the times of turn {turn.number} are not known; it is played evenly")
        await replay_live(turn.question, events, player, options)
        if player.left:
            return


def _take_keys(
    player: Player, interrupts: InterruptHandler, options: ViewOptions
) -> AbstractContextManager[None]:
    """Let keys control the player if there is a keyboard, and say which."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return nullcontext()
    from streamchat.repl.remote import format_help, take_keys

    if can_repaint(sys.stdout) and not (options.json or options.raw or options.plain):
        columns = shutil.get_terminal_size().columns
        typer.echo(dim(sanitize(format_help(columns)), sys.stdout))
    return take_keys(player, lambda: interrupts.interrupt(signal.SIGINT))
