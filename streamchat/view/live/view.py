"""The view for a terminal: tool calls as panels, text as Markdown, and a line of figures.

Final text is written once and scrolls away like any output. Only text that can still change is
live, and no more of it than fits into the window.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from types import TracebackType
from typing import Self, TextIO, TypeAlias

from rich.cells import cell_len
from rich.console import Console

from streamchat.events import (
    Event,
    ToolCallStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.text.sanitize import SafeText, join, sanitize
from streamchat.turn import Turn
from streamchat.view.formatting import format_figures
from streamchat.view.glyphs import TICK, choose_glyphs
from streamchat.view.live.drawing import Canvas, Moment
from streamchat.view.live.lines import Lines
from streamchat.view.live.page import Page
from streamchat.view.live.painter import Painter, drop_break, reflows
from streamchat.view.live.phase import format_awaited, format_status
from streamchat.view.live.question import lay_out
from streamchat.view.live.terminal import Terminal, Tty
from streamchat.view.live.typed import format_hint, format_typed
from streamchat.view.look import DEFAULT_LOOK, Look
from streamchat.view.question import KeyQuestion
from streamchat.view.style import LINE_BREAK, Palette, StyledText, get_style, open_console

Clock: TypeAlias = Callable[[], float]

_FRAME = 1 / 30
"""Minimum number of seconds between two frames that repaint."""
_JOIN = 0.004
"""Minimum number of seconds between two frames that only add text."""
_SHARE = 8
"""How many times longer the pause between two frames is than a frame takes, at least."""
_MOST_TYPED = 2
"""Lines of the user's input that are shown below a question."""
_CORNER = 5
"""Cells before the figures: a corner and a mark."""
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class LiveView:
    """Shows a turn on a terminal.

    Args:
        terminal: its cursor is at the beginning of a line.
        console: knows the terminal's colours and encoding.
        look: what the user wants it to look like.
        whole_lines: make a line of text final only when it is complete, so that `write` can insert
            lines above it.
        reflow: whether the terminal wraps its lines again when its width changes; by default,
            guessed from the environment.
        clock: tells seconds; a monotonic clock by default.
    """

    def __init__(
        self,
        terminal: Terminal,
        console: Console,
        look: Look = DEFAULT_LOOK,
        *,
        whole_lines: bool = False,
        reflow: bool | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or monotonic
        self._terminal = terminal
        self._palette = Palette(console)
        self._glyphs = choose_glyphs(console.encoding)
        self._painter = Painter(terminal, reflow=reflows() if reflow is None else reflow)
        canvas = Canvas(console, self._palette, self._glyphs, look, whole_lines)
        self._page = Page(canvas)
        self._hides_reasoning = look.reasoning == "hide"
        self._dim = self._palette.encode(get_style("dim"))
        self._lines = Lines(self._dim)
        self._turn = Turn()
        self._typed: list[SafeText] = []
        """The lines of the user's queued messages and current input."""
        self._hint = ""
        """Words below all else."""
        self._question: KeyQuestion | None = None
        self._describe_awaited: Callable[[], str] | None = None
        """What the turn waits for before its first event."""
        self._over = False
        self._paused = True
        """Whether nothing may be painted: somebody else has the terminal."""
        self._resumed = False
        """Whether nothing final has been painted since a pause: the cursor's line is empty."""
        self._last_event = 0.0
        self._next_frame = 0.0
        """When the next frame may be painted that only adds text."""
        self._next_repaint = 0.0
        """When the next frame may be painted that repaints."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self._due: float | None = None
        """When the timer paints a frame, if not for the spinner."""

    @classmethod
    def on(
        cls,
        stream: TextIO,
        look: Look = DEFAULT_LOOK,
        *,
        whole_lines: bool = False,
        clock: Clock | None = None,
    ) -> Self:
        """Return a view on the terminal behind a stream."""
        console = open_console(stream)
        return cls(Tty(stream), console, look, whole_lines=whole_lines, clock=clock)

    def __enter__(self) -> Self:
        # Without a loop, frames are painted only when events arrive; signals need the main thread.
        with suppress(RuntimeError, ValueError):
            self._loop = asyncio.get_running_loop()
            self._loop.add_signal_handler(signal.SIGTSTP, self.suspend)
        self._begin()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._stop_timing()
        try:
            if not self._error:
                self._finish()
            self._terminal.write(_SHOW_CURSOR)
        finally:
            self._terminal.close()

    @contextmanager
    def wait(self, describe: Callable[[], str]) -> Iterator[None]:
        self._describe_awaited = describe
        self.__enter__()
        try:
            yield
        finally:
            self._describe_awaited = None
            self._stop_timing()
            self._leave()

    def write(self, line: SafeText) -> None:
        """Write a line above the live text."""
        self._lines.add(sanitize(self._palette.escape_unencodable(line)))
        self._paint_soon()

    def show_typed(self, queued: Sequence[str], text: str) -> None:
        escape = self._palette.escape_unencodable
        self._typed = format_typed(
            list(map(escape, queued)), escape(text), self._glyphs.prompt, self._terminal.size[0] - 1
        )
        self._paint_soon()

    def show_hint(self, hint: str) -> None:
        self._hint = hint
        self._paint_soon()

    def show_question(self, question: KeyQuestion | None) -> bool:
        self._question = question
        self._paint()
        return not (self._paused or self._terminal.busy)

    def show(self, turn: Turn, event: Event) -> None:
        if self._error:
            raise self._error  # it happened in a timer, where no caller could catch it
        self._turn = turn
        self._last_event = self._clock()
        if isinstance(event, TurnDone | TurnFailed | TurnCancelled):
            self._finish()
        elif isinstance(event, ToolCallStarted):
            self._paint_at(self._next_frame)
        else:
            self._paint_soon()

    def suspend(self) -> None:
        """Stop the process, after giving the shell its cursor back; then paint below its output."""
        self._terminal.write(_SHOW_CURSOR)
        os.kill(os.getpid(), signal.SIGSTOP)
        if not self._paused:
            self._painter.reset()
            self._terminal.write(_HIDE_CURSOR)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Erase what is live, and let somebody else write below the rest, from line to line."""
        self._leave()
        try:
            yield
        finally:
            self._begin()

    def _begin(self) -> None:
        """Paint from here on, below what is on the screen."""
        self._painter.reset()
        self._paused, self._resumed = False, self._lines.began
        self._last_event = self._clock()
        self._terminal.write(_HIDE_CURSOR)
        self._paint()

    def _leave(self) -> None:
        """Erase what is live, and leave the cursor at the beginning of a line."""
        self._painter.paint(self._draw(self._clock())[0], [])
        self._terminal.write(("\r\n" if self._lines.began else "") + _SHOW_CURSOR)
        self._terminal.drain()
        self._paused = True

    def _stop_timing(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._loop:
            self._loop.remove_signal_handler(signal.SIGTSTP)
        self._loop = None

    def _finish(self) -> None:
        """Paint the last frame, in which everything is final."""
        if not self._over:
            self._over = True
            self._paint()

    def _paint_soon(self) -> None:
        """Paint at once if only text is added, else within a frame."""
        self._paint_at(self._next_frame if self._painter.appends else self._next_repaint)

    def _paint_at(self, due: float) -> None:
        wait = due - self._clock()
        if wait <= 0:
            self._paint()
        elif self._due is None or due < self._due:
            self._wake_in(wait)
            self._due = due

    def _wake_in(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        if self._loop and not self._over:
            self._timer = self._loop.call_later(seconds, self._wake)

    def _wake(self) -> None:
        try:
            self._paint()
        except Exception as error:
            self._error = error

    def _paint(self) -> None:
        if self._paused:
            return
        if self._terminal.busy and not self._over:
            self._wake_in(_FRAME)
            return
        begin = self._clock()
        self._due = None
        self._painter.paint(*self._draw(begin))
        end = self._clock()
        self._next_frame = end + max(_JOIN, _SHARE * (end - begin))
        self._next_repaint = max(begin + _FRAME, self._next_frame)
        self._wake_in(TICK)

    def _draw(self, now: float) -> tuple[list[StyledText], list[StyledText]]:
        """Return the text that has become final, and what is live below it."""
        columns, lines = self._terminal.size
        moment = Moment(columns, lines, now, self._over, self._turn.status == "done")
        final, rest = self._lines.insert(*self._page.draw(self._turn, moment))
        if self._over:
            final += self._draw_end(moment)
        else:
            self._add_lines(rest, self._format_status())
            for line in self._draw_question(columns - 1):
                self._add_lines(rest, line)
            # A question must not be pushed out of the window.
            shown = self._typed[-_MOST_TYPED:] if self._question else self._typed
            self._add_lines(rest, [(join(*shown, separator="\n"), self._dim)] if shown else [])
            hint = format_hint(self._palette.escape_unencodable(self._hint), columns - 1)
            self._add_lines(rest, [(hint, self._dim)] if hint else [])
        if not self._resumed:
            return final, rest
        self._resumed = not final
        return (drop_break(final), rest) if final else (final, drop_break(rest))

    def _add_lines(self, rest: list[StyledText], lines: list[StyledText]) -> None:
        """Add lines below the live text, if there are any."""
        if lines:
            rest += [*([LINE_BREAK] if self._lines.began or rest else []), *lines]

    def _draw_end(self, moment: Moment) -> list[StyledText]:
        """Return the figures, or only a line break if the turn was cut off."""
        figures = format_figures(self._turn)
        if self._turn.status == "running":
            figures = []
        elif cell_len(f" {self._glyphs.dot} ".join(figures)) > moment.columns - _CORNER:
            figures = format_figures(self._turn, brief=True)
        # A failure gets its cross below, with the cause.
        return self._page.draw_end(figures, moment, crossed=self._turn.status == "cancelled")

    def _draw_question(self, columns: int) -> list[list[StyledText]]:
        if not self._question:
            return []
        lines = lay_out(self._question, self._turn, columns, self._glyphs)
        return list(map(self._palette.apply, lines))

    def _format_status(self) -> list[StyledText]:
        """Return a line that says what is going on, if nothing else on the screen moves."""
        now = self._clock()
        quiet = now - self._last_event
        status = (
            format_awaited(self._describe_awaited(), quiet)
            if self._describe_awaited
            else format_status(self._turn, quiet, hides_reasoning=self._hides_reasoning)
        )
        return self._palette.apply(
            [(f"{self._glyphs.spin(now)} {status}", "dim")] if status else []
        )
