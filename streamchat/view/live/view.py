"""The view for a terminal: tool calls as panels, text as Markdown, and a line of figures.

What is finished is written once and scrolls away like any output. Only what can still change is
live, and of that no more than fits into the window.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self, TextIO

from rich.cells import cell_len
from rich.console import Console

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    Event,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.text.sanitize import one_line
from streamchat.turn import Answer, Note, Prose, Reasoning, ToolCall, Turn
from streamchat.view.formatting import figures
from streamchat.view.glyphs import ASCII_GLYPHS, UNICODE_GLYPHS, takes_unicode
from streamchat.view.live.lines import Lines
from streamchat.view.live.page import Page
from streamchat.view.live.painter import Painter, reflows
from streamchat.view.live.terminal import Terminal, Tty
from streamchat.view.markdown.inline import Span
from streamchat.view.style import Palette, open_console, style

_FRAME = 1 / 30
"""Seconds between two can_repaint, at least."""
_TICK = 0.1
"""Seconds between two pictures of the spinner."""
_QUIET = 2.0
"""Seconds without anything new after which that is said."""
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class LiveView:
    """Shows a turn on a terminal.

    Args:
        terminal: what to write on; the cursor is at the beginning of a line.
        console: knows the terminal's colours and its encoding.
        whole_lines: whether lines of text are final only when they are complete, so that `write`
            can put others above them.
        reflow: whether the terminal wraps what it shows anew when its width changes; by default
            that is told by its kind.
    """

    def __init__(
        self,
        terminal: Terminal,
        console: Console,
        *,
        whole_lines: bool = False,
        reflow: bool | None = None,
    ) -> None:
        self._terminal = terminal
        self._palette = Palette(console)
        self._marks = UNICODE_GLYPHS if takes_unicode(console.encoding) else ASCII_GLYPHS
        self._painter = Painter(terminal, reflow=reflows() if reflow is None else reflow)
        self._page = Page(console, self._palette, self._marks, whole_lines=whole_lines)
        self._dim = self._palette.sequence(style("dim"))
        self._lines = Lines(self._dim)
        self._turn = Turn()
        self._typed: list[str] = []
        """What the user has typed meanwhile, in lines."""
        self._over = False
        self._last_event = self._last_frame = 0.0
        self._waiting = True
        """Whether the model is waited for: what it writes first is shown at once."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fault: Exception | None = None
        self._due = False
        """Whether the timer is set for a frame, and not for the spinner."""

    @classmethod
    def on(cls, stream: TextIO, *, whole_lines: bool = False) -> Self:
        """Returns a view on the terminal that a stream leads to."""
        return cls(Tty(stream), open_console(stream), whole_lines=whole_lines)

    def __enter__(self) -> Self:
        self._last_event = monotonic()
        # Without a loop, or in another thread, there are no frames but those that events bring.
        with suppress(RuntimeError, ValueError):
            self._loop = asyncio.get_running_loop()
            self._loop.add_signal_handler(signal.SIGTSTP, self.suspend)
        self._terminal.write(_HIDE_CURSOR)
        self._paint()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if self._timer:
            self._timer.cancel()
        if self._loop:
            self._loop.remove_signal_handler(signal.SIGTSTP)
        self._loop = None
        try:
            if not self._fault:
                self._finish()
            self._terminal.write(_SHOW_CURSOR)
        finally:
            self._terminal.close()

    def write(self, line: str) -> None:
        """Writes a line above what is live."""
        self._lines.add(line)
        self._paint_soon()

    def typed(self, queued: Sequence[str], text: str) -> None:
        """Shows below all else what the user has typed meanwhile."""
        room = self._terminal.size[0] - 1
        self._typed = [_cut(f"queued: {one_line(each)}", room) for each in queued]
        self._typed += [_cut(f"> {one_line(text)}", room, end=True)] if text else []
        self._paint_soon()

    def show(self, turn: Turn, event: Event) -> None:
        """Takes the turn's new state, and paints it at once or with the next frame."""
        if self._fault:
            raise self._fault  # met between two events, where nobody could be told
        first = self._waiting or monotonic() - self._last_event >= _QUIET
        self._turn = turn
        self._last_event = monotonic()
        if isinstance(event, TurnDone | TurnFailed | TurnCancelled):
            self._finish()
        elif first and isinstance(
            event, TextDelta | ReasoningDelta | AnswerDelta | ToolCallStarted
        ):
            self._waiting = False
            self._paint()
        else:
            self._waiting = self._waiting or isinstance(event, StepStarted | ToolFinished)
            self._paint_soon()

    def suspend(self) -> None:
        """Stops the process: the shell gets its cursor back, and what it writes is left alone."""
        self._terminal.write(_SHOW_CURSOR)
        os.kill(os.getpid(), signal.SIGSTOP)
        self._painter.begin_anew()
        self._terminal.write(_HIDE_CURSOR)

    def _finish(self) -> None:
        """Paints the last frame, in which all is final."""
        if not self._over:
            self._over = True
            self._paint()

    def _paint_soon(self) -> None:
        wait = self._last_frame + _FRAME - monotonic()
        if wait <= 0:
            self._paint()
        elif not self._due:
            self._wake_in(wait)
            self._due = True

    def _wake_in(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        if self._loop and not self._over:
            self._timer = self._loop.call_later(seconds, self._wake)

    def _wake(self) -> None:
        try:
            self._paint()
        except Exception as error:
            self._fault = error

    def _paint(self) -> None:
        if self._terminal.busy and not self._over:
            self._wake_in(_FRAME)
            return
        self._due, self._last_frame = False, monotonic()
        columns, lines = self._terminal.size
        final, rest = self._page.drawn(self._turn, columns, lines, over=self._over)
        final, rest = self._lines.put(final, rest)
        status = self._footer() if self._over else self._status()
        if self._over:
            final += status
        elif status:
            rest += [("\n" if self._lines.began or rest else "", ""), *status]
        if self._typed and not self._over:
            typed = "\n".join(self._typed)
            rest += [("\n" if self._lines.began or rest else "", ""), (typed, self._dim)]
        self._painter.paint(final, rest)
        self._wake_in(_TICK)

    def _footer(self) -> list[Span]:
        """Returns the last line. Without a last event nothing is known that could stand there."""
        end = [("\n" if self._lines.began else "", "")]
        if self._turn.status == "running":
            return end
        mark = [] if self._turn.status == "done" else [(f"{self._marks.failed} ", "failed")]
        room = self._terminal.size[0] - sum(len(text) for text, _ in mark)
        text = _broken(figures(self._turn), f" {self._marks.dot} ", room)
        return [*end, *self._palette.named([*mark, (text, "dim")]), ("\n", "")]

    def _status(self) -> list[Span]:
        """Returns what is going on, if nothing else on the screen moves."""
        now = monotonic()
        phase, moves = _phase(self._turn)
        quiet = now - self._last_event
        if moves and quiet < _QUIET:
            return []
        since = f", last byte {quiet:.0f} s ago" if moves else f", {quiet:.0f} s"
        picture = self._marks.spinner[int(now / _TICK) % len(self._marks.spinner)]
        text = f"{picture} {phase}{since if quiet >= _QUIET else ''}"
        return self._palette.named([(text, "dim")])


def _cut(line: str, columns: int, *, end: bool = False) -> str:
    """Returns the beginning of a line, or its end, that fits."""
    while line and cell_len(line) > columns:
        line = line[1:] if end else line[:-1]
    return line


def _broken(parts: list[str], between: str, columns: int) -> str:
    """Returns the parts in as few lines as they fit in."""
    lines = parts[:1]
    for part in parts[1:]:
        if cell_len(lines[-1] + between + part) <= columns:
            lines[-1] += between + part
        else:
            lines.append(part)
    return "\n".join(lines)


def _phase(turn: Turn) -> tuple[str, bool]:
    """Returns what the turn is at, and whether that can be seen by what comes on the screen."""
    calls = [block for block in turn.blocks if isinstance(block, ToolCall)]
    if running := [one_line(call.name, 64) for call in calls if call.state == "running"]:
        return f"running {', '.join(running)}", False
    blocks = [block for block in turn.blocks if not isinstance(block, Note)]
    match blocks[-1] if blocks else None:
        case Answer(refused=False):
            return "receiving the answer", True
        case Prose():
            return "receiving text", True
        case Reasoning():
            return "thinking", True
        case ToolCall(name=name, state="arriving") if name == ANSWER_TOOL:
            return "receiving the answer", False
        case ToolCall(name=name, state="arriving"):
            return f"receiving a call of {one_line(name, 64)}", True
        case _:
            return "waiting for the model", False
