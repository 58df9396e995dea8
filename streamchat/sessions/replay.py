"""Shows a stored turn the way it looked when it happened: at once, or in its own rhythm."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from streamchat.events import TimedEvent
from streamchat.process.tty import can_repaint
from streamchat.sessions.player import Player
from streamchat.text.sanitize import SafeOutput, join, sanitize
from streamchat.turn import Turn
from streamchat.view import View
from streamchat.view.choose import ViewOptions, choose_view
from streamchat.view.glyphs import choose_prompt, escape_unencodable
from streamchat.view.outcome import format_outcome
from streamchat.view.play import show_all


def format_question(question: str, prompt: str) -> str:
    """Return a question as it looked at the prompt."""
    return prompt + question.replace("\n", "\n" + " " * len(prompt))


def replay(
    question: str, events: Iterable[TimedEvent], view: View, out: TextIO, *, plain: bool = False
) -> Turn:
    """Write the question, show the turn's events, and say why if there is no answer.

    Args:
        question: as typed.
        events: the turn's, from the first.
        view: a new one, which writes to `out`.
        out: where the question goes, too.
        plain: whether the user asked for plain lines.

    Raises:
        OSError: the output is gone.
    """
    write_question(question, out, plain=plain)
    turn = show_all(events, view)
    write_outcome(turn, out, plain=plain)
    return turn


async def replay_live(
    question: str, events: Sequence[TimedEvent], player: Player, options: ViewOptions
) -> Turn:
    """Do as `replay` does on standard output, in the rhythm of the events.

    Of JSON, nothing but the events is written.

    Args:
        question: as typed.
        events: the turn's, from the first.
        player: plays them.
        options: how the turn is shown.

    Raises:
        OSError: the output is gone.
    """
    if not options.json:
        write_question(question, sys.stdout, plain=options.plain)
    turn = await player.play(events, choose_view(options, player.read_clock))
    if not options.json:
        write_outcome(turn, sys.stdout, plain=options.plain)
    return turn


def write_question(question: str, out: TextIO, *, plain: bool = False) -> None:
    """Write a question as it looked at the prompt, and what stood between it and the turn.

    Raises:
        OSError: the output is gone.
    """
    encoding = out.encoding or "utf-8"
    _write(format_question(question, choose_prompt(out, plain=plain)), out, encoding)
    if can_repaint(out) and not plain:
        _write("", out, encoding)


def write_outcome(
    turn: Turn, out: TextIO, *, plain: bool = False, columns: int | None = None
) -> None:
    """Write why a turn has no answer, if it has none.

    Args:
        turn: as it ended.
        out: where to.
        plain: whether the user asked for plain lines.
        columns: the terminal's; by default that of this process.

    Raises:
        OSError: the output is gone.
    """
    if outcome := format_outcome(turn, out, plain=plain, columns=columns):
        out.write(join(outcome, sanitize("\n")))
        out.flush()


def _write(line: str, out: SafeOutput, encoding: str) -> None:
    out.write(sanitize(escape_unencodable(line, encoding) + "\n"))
    out.flush()
