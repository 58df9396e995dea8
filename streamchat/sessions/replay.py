"""Shows a turn that is over as it was when it happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from streamchat.events import Event
from streamchat.text.sanitize import sanitize
from streamchat.turn import Turn
from streamchat.view import View
from streamchat.view.formatting import format_outcome
from streamchat.view.glyphs import encodable
from streamchat.view.play import show_all

PROMPT = "> "


def asked(question: str) -> str:
    """Returns a question as it stands at a prompt."""
    return PROMPT + sanitize(question).replace("\n", "\n" + " " * len(PROMPT))


def replay(question: str, events: Iterable[Event], view: View, out: TextIO) -> Turn:
    """Writes the question, shows each event, and tells how a turn ended that gave no answer.

    Events that do not fit those before, as in a file that somebody has edited, are passed over.

    Args:
        question: as it was typed.
        events: of the turn.
        view: a new one, which writes to `out`.
        out: where to.

    Returns:
        the turn as it ended.

    Raises:
        OSError: the output is gone.
    """
    _write(asked(question), out)
    turn = show_all(events, view)
    if outcome := format_outcome(turn):
        _write(outcome, out)
    return turn


def _write(line: str, out: TextIO) -> None:
    out.write(encodable(line, out.encoding or "utf-8") + "\n")
    out.flush()
