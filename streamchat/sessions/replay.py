"""Shows a stored turn the way it looked when it happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from streamchat.events import TimedEvent
from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeOutput, join, sanitize
from streamchat.turn import Turn
from streamchat.view import View
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
    encoding = out.encoding or "utf-8"
    _write(format_question(question, choose_prompt(out, plain=plain)), out, encoding)
    if can_repaint(out) and not plain:
        _write("", out, encoding)
    turn = show_all(events, view)
    if outcome := format_outcome(turn, out, plain=plain):
        out.write(join(outcome, sanitize("\n")))
        out.flush()
    return turn


def _write(line: str, out: SafeOutput, encoding: str) -> None:
    out.write(sanitize(escape_unencodable(line, encoding) + "\n"))
    out.flush()
