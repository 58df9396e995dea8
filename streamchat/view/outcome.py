"""How a failure or an interrupt is reported: in words, or to eyes on a terminal with a sign."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable
from shlex import quote
from typing import TextIO

from streamchat.process.stdio import write_stderr
from streamchat.process.styles import dim, red
from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeText, cut, join, one_line, sanitize
from streamchat.turn import Turn, find_unasked
from streamchat.view.glyphs import choose_glyphs, escape_unencodable

_INDENT = "  "


def format_failure(
    cause: str, out: TextIO, advice: str = "", *, plain: bool = False, columns: int | None = None
) -> SafeText:
    """Return a line with the cause; on a terminal, one with a sign, and the advice below it.

    Args:
        cause: what happened, without secrets.
        out: where it will be written.
        advice: what was kept and what to do.
        plain: whether the user wants words only.
        columns: the terminal's; by default that of this process.
    """
    if plain or not can_repaint(out):
        return _escape(one_line(f"error: {cause}"), out)
    sign = f"{choose_glyphs(out.encoding).failed} "
    said = cut(_wrap(one_line(cause), out, sign, columns), len(sign))
    shown = join(red(sanitize(sign), out), said)
    if not advice:
        return shown
    return join(shown, dim(_wrap(advice, out, _INDENT, columns), out), separator="\n")


def format_outcome(
    turn: Turn, out: TextIO, advice: str = "", *, plain: bool = False, columns: int | None = None
) -> SafeText:
    """Return why a turn has no answer, as `format_failure` does; empty if it has one."""
    match turn.status:
        case "failed":
            return format_failure(turn.error, out, advice, plain=plain, columns=columns)
        case "cancelled":
            return format_interrupt(out, plain=plain)
        case _:
            return sanitize("")


def format_interrupt(out: TextIO, *, plain: bool = False) -> SafeText:
    """Return a line that says that the user stopped something."""
    said = sanitize("interrupted")
    return said if plain else dim(said, out)


def report_failure(cause: str, advice: str = "", *, plain: bool = False) -> None:
    """Write on standard error what `format_failure` returns."""
    write_stderr(format_failure(cause, sys.stderr, advice, plain=plain))


def report_interrupt(*, plain: bool = False) -> None:
    """Write on standard error that the user stopped something."""
    write_stderr(format_interrupt(sys.stderr, plain=plain))


def report_unasked(turn: Turn, find_name: Callable[[str], str], *, plain: bool = False) -> bool:
    """Write on standard error which calls did not run because nobody could be asked.

    Args:
        turn: has ended.
        find_name: returns the name that rules have for a tool.
        plain: whether the user wants words only.

    Returns:
        Whether there are any.
    """
    names = [quote(one_line(find_name(name), 64)) for name in find_unasked(turn)]
    if names:
        flags = " ".join(f"--allow {name}" for name in names)
        verb = "lets it run" if len(names) == 1 else "lets them run"
        cause = f"nobody could be asked to approve {', '.join(names)}; {flags} {verb}"
        report_failure(cause, plain=plain)
    return bool(names)


def report_outcome(turn: Turn, advice: str = "", *, plain: bool = False) -> None:
    """Write on standard error why a turn has no answer, if it has none."""
    if outcome := format_outcome(turn, sys.stderr, advice, plain=plain):
        write_stderr(outcome)


def _escape(text: str, out: TextIO) -> SafeText:
    return sanitize(escape_unencodable(text, out.encoding or "utf-8"))


def _wrap(text: str, out: TextIO, begin: str, columns: int | None) -> SafeText:
    """Return the text with words kept whole, its lines below each other after what begins it."""
    width = (columns or shutil.get_terminal_size().columns) - 1
    wrapped = textwrap.fill(
        _escape(text, out),
        max(width, 20),
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_on_hyphens=False,
    )
    return sanitize(wrapped)


def report_output(line: str) -> None:
    """Write on standard error a line that the agent's own code printed outside of a turn."""
    write_stderr(dim(sanitize(line), sys.stderr))
