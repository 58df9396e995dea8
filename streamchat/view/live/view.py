"""The view for a terminal: tool calls as panels, text as Markdown, and a line of figures.

Final text is written once and scrolls away like any output. Only text that can still change is
live, and no more of it than fits into the window.
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
from streamchat.text.sanitize import SafeText, cut, join, one_line, sanitize
from streamchat.turn import Answer, Note, Prose, Reasoning, ToolCall, Turn
from streamchat.view.formatting import format_figures, format_tool_name
from streamchat.view.glyphs import choose_glyphs
from streamchat.view.live.lines import Lines
from streamchat.view.live.page import Page
from streamchat.view.live.painter import Painter, reflows
from streamchat.view.live.terminal import Terminal, Tty
from streamchat.view.look import DEFAULT_LOOK, Look
from streamchat.view.style import LINE_BREAK, Palette, StyledText, get_style, open_console

_FRAME = 1 / 30
"""Minimum number of seconds between two frames."""
_TICK = 0.1
"""Seconds between two steps of the spinner."""
_QUIET = 2.0
"""Seconds without an event before the status line counts them."""
_QUEUED = sanitize("queued: ")
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
    """

    def __init__(
        self,
        terminal: Terminal,
        console: Console,
        look: Look = DEFAULT_LOOK,
        *,
        whole_lines: bool = False,
        reflow: bool | None = None,
    ) -> None:
        self._terminal = terminal
        self._palette = Palette(console)
        self._glyphs = choose_glyphs(console.encoding)
        self._painter = Painter(terminal, reflow=reflows() if reflow is None else reflow)
        self._page = Page(console, self._palette, self._glyphs, whole_lines=whole_lines)
        self._dim = self._palette.encode(get_style("dim"))
        self._lines = Lines(self._dim)
        self._turn = Turn()
        self._typed: list[SafeText] = []
        """The lines of the user's queued messages and current input."""
        self._over = False
        self._last_event = self._last_frame = 0.0
        self._waiting = True
        """Whether the next token is the first of a message, and so is shown at once."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self._due = False
        """Whether the timer is set for a frame rather than for the spinner."""

    @classmethod
    def on(cls, stream: TextIO, look: Look = DEFAULT_LOOK, *, whole_lines: bool = False) -> Self:
        """Return a view on the terminal behind a stream."""
        return cls(Tty(stream), open_console(stream), look, whole_lines=whole_lines)

    def __enter__(self) -> Self:
        self._last_event = monotonic()
        # Without a loop, frames are painted only when events arrive; signals need the main thread.
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
            if not self._error:
                self._finish()
            self._terminal.write(_SHOW_CURSOR)
        finally:
            self._terminal.close()

    def write(self, line: SafeText) -> None:
        """Write a line above the live text."""
        self._lines.add(sanitize(self._palette.escape_unencodable(line)))
        self._paint_soon()

    def show_typed(self, queued: Sequence[str], text: str) -> None:
        room = self._terminal.size[0] - 1
        escape = self._palette.escape_unencodable
        self._typed = [_crop(join(_QUEUED, one_line(escape(each))), room) for each in queued]
        if text:
            prompt = sanitize(f"{self._glyphs.prompt} ")
            self._typed.append(_crop(join(prompt, one_line(escape(text))), room, end=True))
        self._paint_soon()

    def show(self, turn: Turn, event: Event) -> None:
        if self._error:
            raise self._error  # it happened in a timer, where no caller could catch it
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
        """Stop the process, after giving the shell its cursor back; then paint below its output."""
        self._terminal.write(_SHOW_CURSOR)
        os.kill(os.getpid(), signal.SIGSTOP)
        self._painter.reset()
        self._terminal.write(_HIDE_CURSOR)

    def _finish(self) -> None:
        """Paint the last frame, in which everything is final."""
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
            self._error = error

    def _paint(self) -> None:
        if self._terminal.busy and not self._over:
            self._wake_in(_FRAME)
            return
        self._due, self._last_frame = False, monotonic()
        columns, lines = self._terminal.size
        final, rest = self._page.draw(self._turn, columns, lines, over=self._over)
        final, rest = self._lines.insert(final, rest)
        status = self._format_footer() if self._over else self._format_status()
        if self._over:
            final += status
        elif status:
            rest += [*([LINE_BREAK] if self._lines.began or rest else []), *status]
        if self._typed and not self._over:
            typed = (join(*self._typed, separator="\n"), self._dim)
            rest += [*([LINE_BREAK] if self._lines.began or rest else []), typed]
        self._painter.paint(final, rest)
        self._wake_in(_TICK)

    def _format_footer(self) -> list[StyledText]:
        """Return the line of figures, or only a line break if the turn was cut off."""
        end = [LINE_BREAK] if self._lines.began else []
        if self._turn.status == "running":
            return end
        mark = [] if self._turn.status == "done" else [(f"{self._glyphs.failed} ", "failed")]
        room = self._terminal.size[0] - sum(len(text) for text, _ in mark)
        text = _wrap(format_figures(self._turn), f" {self._glyphs.dot} ", room)
        return [*end, *self._palette.apply([*mark, (text, "dim")]), LINE_BREAK]

    def _format_status(self) -> list[StyledText]:
        """Return a line that says what is going on, if nothing else on the screen moves."""
        now = monotonic()
        phase, moves = _find_phase(self._turn)
        quiet = now - self._last_event
        if moves and quiet < _QUIET:
            return []
        since = f", last byte {quiet:.0f} s ago" if moves else f", {quiet:.0f} s"
        frame = self._glyphs.spinner[int(now / _TICK) % len(self._glyphs.spinner)]
        text = f"{frame} {phase}{since if quiet >= _QUIET else ''}"
        return self._palette.apply([(text, "dim")])


def _crop(line: SafeText, columns: int, *, end: bool = False) -> SafeText:
    """Return as much of a line as fits: its beginning, or its end."""
    while line and cell_len(line) > columns:
        line = cut(line, 1) if end else cut(line, 0, -1)
    return line


def _wrap(parts: list[str], between: str, columns: int) -> str:
    """Return the parts on as few lines as possible."""
    lines = parts[:1]
    for part in parts[1:]:
        if cell_len(lines[-1] + between + part) <= columns:
            lines[-1] += between + part
        else:
            lines.append(part)
    return "\n".join(lines)


def _find_phase(turn: Turn) -> tuple[str, bool]:
    """Return what the turn is doing, and whether the screen shows that by itself."""
    calls = [block for block in turn.blocks if isinstance(block, ToolCall)]
    if running := [format_tool_name(call.name) for call in calls if call.state == "running"]:
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
            return f"receiving a call to {format_tool_name(name)}", True
        case _:
            return "waiting for the model", False
