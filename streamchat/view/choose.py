"""Chooses the view of a turn by where the output goes and what the user asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from streamchat.process.stdio import write_stderr
from streamchat.process.styles import cyan
from streamchat.process.tty import can_repaint
from streamchat.view import View
from streamchat.view.answer import AnswerView
from streamchat.view.debug import DebugView
from streamchat.view.jsonl import JsonView
from streamchat.view.look import DEFAULT_LOOK, Look
from streamchat.view.plain import PlainView
from streamchat.view.raw import SEPARATOR, RawView


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What the user wants to see."""

    plain: bool = False
    raw: bool = False
    json: bool = False
    verbose: bool = False
    look: Look = DEFAULT_LOOK


def choose_view(options: ViewOptions, clock: Callable[[], float] | None = None) -> View:
    """Return a new view of one turn on standard output.

    Args:
        options: what the user wants to see.
        clock: tells seconds to a view that is animated; a monotonic clock by default.
    """
    if options.json:
        inner: View = JsonView(sys.stdout)
    elif options.raw:
        separator = cyan(SEPARATOR, sys.stdout)
        inner = RawView(sys.stdout, whole_lines=options.verbose, separator=separator)
    elif options.plain or (sys.stdout.isatty() and not can_repaint(sys.stdout)):
        inner = PlainView(sys.stdout, hide_reasoning=options.look.reasoning == "hide")
    elif sys.stdout.isatty():
        return _choose_live(options, clock)
    else:
        inner = AnswerView(sys.stdout, write_stderr)
    return DebugView(inner, write_stderr) if options.verbose else inner


def _choose_live(options: ViewOptions, clock: Callable[[], float] | None) -> View:
    # Rich is slow to import, and a pipe has no use for it.
    from streamchat.view.live.view import LiveView

    view = LiveView.on(sys.stdout, options.look, whole_lines=options.verbose, clock=clock)
    return DebugView(view, view.write) if options.verbose else view
