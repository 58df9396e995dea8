"""The view for a terminal: panels for tool calls, and the answer as it streams.

What is finished is printed once and scrolls away like any output. Only what is still open is live:
it is repainted in place, and cut to the window, so that nothing of it can scroll and stay behind.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self

from rich.cells import chop_cells
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.rule import Rule
from rich.segment import Segment
from rich.spinner import Spinner
from rich.text import Text

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    Event,
    Notice,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.safe import one_line, safe
from streamchat.turn import ToolCall, Turn
from streamchat.view.plain import SEPARATOR

_FRAMES_PER_SECOND = 12
_QUIET_SECONDS = 2.0
_SPINNER, _ASCII_SPINNER = "dots", "line"
_STYLES = {"arriving": "cyan", "running": "yellow", "done": "green", "failed": "red"}
_MARKS = {"done": "✓", "failed": "✗"}
_ASCII_MARKS = {"done": "ok", "failed": "failed"}


class LiveView:
    """Shows a turn on a terminal with Rich.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._turn = Turn()
        self._line: list[str] = []
        """The pieces of the line of text that is not finished."""
        self._text_began = False
        self._answer_began = False
        self._shown: set[str] = set()
        self._phase = "waiting for the model"
        self._last_event = monotonic()
        plain = is_ascii(console)
        self._spinner = Spinner(_ASCII_SPINNER if plain else _SPINNER, style="dim")
        self._marks = _ASCII_MARKS if plain else _MARKS
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_frame: asyncio.TimerHandle | None = None
        self._live = Live(
            self,
            console=console,
            # Rich's own refreshing thread races with printing from here: each may move the cursor
            # by the height of what the other has painted over meanwhile.
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        with suppress(RuntimeError):  # no loop, no frames but those that printing brings
            self._loop = asyncio.get_running_loop()
            self._paint()
        return self

    def _paint(self) -> None:
        """Paints a frame now and the next one later."""
        assert self._loop
        self._next_frame = self._loop.call_later(1 / _FRAMES_PER_SECOND, self._paint)
        with suppress(OSError):  # `show` will meet it too, and there somebody can tell of it
            self._live.refresh()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if self._next_frame:
            self._next_frame.cancel()
        self._settle()
        self._live.stop()

    def write(self, line: str) -> None:
        """Prints a line above what is live."""
        self._console.print(Text(line, style="dim"), soft_wrap=True)

    def show(self, turn: Turn, event: Event) -> None:
        """Prints what the event finished and repaints the rest with the next frame."""
        self._turn = turn
        self._last_event = monotonic()
        match event:
            case StepStarted():
                self._phase = "waiting for the model"
            case TextDelta(text):
                self._phase = "receiving"
                self._add_text(text)
            case AnswerDelta(text):
                self._phase = "receiving the answer"
                self._begin_answer()
                self._add_text(text)
            case ToolCallStarted(_, name):
                self._phase = f"receiving a call of {one_line(name, 40)}"
                self._end_text()
            case ToolStarted(call_id):
                self._phase = f"running {one_line(turn.call(call_id).name, 40)}"
            case ToolFinished(call_id):
                self._finish_call(turn.call(call_id))
            case Notice(text):
                self.write(f"({one_line(text)})")
            case TurnDone() | TurnFailed() | TurnCancelled():
                self._settle()
                self._end_answer(event)

    def _begin_answer(self) -> None:
        """A rule above and one below: a frame's sides would be in the way of copying."""
        if not self._answer_began:
            self._end_text()
            self._console.print(Rule(Text("answer", style="green"), align="left", style="green"))
            self._answer_began = True

    def _end_answer(self, event: Event) -> None:
        if self._answer_began:
            done = isinstance(event, TurnDone)
            end = f"{self._turn.seconds:.1f} s" if done else self._turn.status
            style = "green" if done else "red"
            self._console.print(Rule(Text(end, style="dim"), align="right", style=style))

    def _add_text(self, text: str) -> None:
        first = not self._text_began
        self._text_began = True
        *lines, rest = text.split("\n")
        for line in lines:
            self._line.append(line)
            self._print_line()
        if rest:
            self._line.append(rest)
        if first:
            self._live.refresh()

    def _print_line(self) -> None:
        line, self._line = "".join(self._line), []
        # The terminal wraps it, so that a paragraph copied from there is one line again.
        self._console.print(Text(safe(line)), soft_wrap=True)

    def _end_text(self) -> None:
        if self._line:
            self._print_line()
        self._text_began = False

    def _finish_call(self, call: ToolCall) -> None:
        self._shown.add(call.call_id)
        if call.failed or call.call_id != self._turn.answer_call:
            self._end_text()
            self._console.print(_panel(call, self._marks))

    def _settle(self) -> None:
        """Prints all that is still open: the turn ends here."""
        self._end_text()
        for call in self._open_calls():
            self._finish_call(call)

    def _open_calls(self) -> list[ToolCall]:
        blocks = (block for block in self._turn.blocks if isinstance(block, ToolCall))
        return [call for call in blocks if call.call_id not in self._shown]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is open, as it is at the time of painting, also of that which printing brings."""
        width, height = console.size
        calls = [call for call in self._open_calls() if call.name != ANSWER_TOOL]
        parts: list[RenderableType] = [
            _panel(call, self._marks, most=width * height) for call in calls
        ]
        if self._line:
            # More than fills the window is not painted, or a long line would cost more and more.
            line = safe("".join(self._line)[-width * height :])
            # Cut where the terminal will cut it, so that it does not jump when it is finished.
            parts.append(Text("\n".join(chop_cells(line.expandtabs(8), width))))
        self._spinner.update(text=Text(self._status(), style="dim"))
        yield _Bottom(Group(*parts, self._spinner), height - 1)

    def _status(self) -> str:
        quiet = monotonic() - self._last_event
        return self._phase if quiet < _QUIET_SECONDS else f"{self._phase}, {quiet:.0f} s"


def is_ascii(console: Console) -> bool:
    """Whether the terminal takes ASCII only."""
    return not console.encoding.lower().startswith("utf")


def _panel(call: ToolCall, marks: Mapping[str, str], most: int = sys.maxsize) -> Panel:
    """Returns a call's panel, with at most so many characters of its arguments, the last ones."""
    arguments = "".join(fragment + SEPARATOR for fragment in call.fragments)[-most:]
    body = Text(safe(arguments), style="dim")
    if call.state in ("done", "failed"):
        body = Text("\n").join([body, Text(f"{marks[call.state]} {safe(call.output)}")])
    took = f"{call.seconds:.2f} s" if call.state == "done" else call.state
    style = _STYLES[call.state]
    return Panel(
        body,
        title=Text(one_line(call.name, 40) or "unnamed", style=style),
        title_align="left",
        subtitle=Text(took, style="dim"),
        subtitle_align="right",
        border_style=style,
    )


class _Bottom:
    """The last lines of a renderable, as many as fit."""

    def __init__(self, inner: RenderableType, height: int) -> None:
        self._inner = inner
        self._height = max(height, 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._inner, options.update(height=None), pad=False)
        for line in lines[-self._height :]:
            yield from line
            yield Segment.line()
