"""A tool call as a panel, or as a line where there is little room."""

from __future__ import annotations

from dataclasses import replace

from streamchat.turn import Code, ToolCall
from streamchat.view.live.drawing import Canvas, Drawing, Moment
from streamchat.view.live.panel import choose_state, draw_line, draw_panel
from streamchat.view.style import LINE_BREAK

_CODE_TITLE = "python"


class CallDrawing(Drawing):
    """A tool call as a panel, or the code that is about to become one."""

    apart = False

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._state = ""
        self._since = 0.0
        """When the call entered its state."""
        self._drawn: object = None

    def update(self, block: ToolCall | Code, moment: Moment, *, done: bool, followed: bool) -> None:
        if isinstance(block, Code):
            block = ToolCall("", _CODE_TITLE, code=block.text)
        if block.opened:
            # How it ends stands below the blocks that are inside it.
            block = replace(block, state="running", output="")
        if block.state != self._state:
            self._state, self._since = block.state, moment.now
        glyphs = self.canvas.glyphs
        state = choose_state(
            block,
            glyphs,
            spinner=glyphs.spin(moment.now),
            elapsed=moment.now - self._since,
            over=moment.over or done,
            hint=self.canvas.look.hint,
        )
        if self._drawn == (block, state, moment.columns):
            return
        self._drawn = (block, state, moment.columns)
        lines = draw_panel(block, state, self.canvas.console, moment.columns, glyphs)
        text = [part for line in lines for part in (LINE_BREAK, *self.palette.apply_segments(line))]
        self.final, self.rest = (text[1:], []) if done else ([], text[1:])
        self.short = self.palette.apply(draw_line(block, state, moment.columns))
