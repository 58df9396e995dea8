"""The reasoning of a turn: shown in a frame, or folded to one line once something follows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from streamchat.text.sanitize import sanitize
from streamchat.turn import Reasoning
from streamchat.view.formatting import format_duration
from streamchat.view.live.drawing import Canvas, Growing, Moment, split_lines
from streamchat.view.live.frame import MAX_LIVE_ROWS, count_live_rows, draw_bottom, draw_top, wrap
from streamchat.view.markdown.wrap import WordWrap
from streamchat.view.style import LINE_BREAK, StyledText

_TIMED = 0.1
"""Seconds that reasoning must take for its time to be shown: a replay takes none."""


class ReasoningDrawing(Growing):
    """Reasoning in a frame: dim, and not read as Markdown."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._wrap = self.choose_wrap()
        self._held = ""
        """Whitespace at the end, which is dropped unless more text follows."""
        self._began_at: float | None = None
        self._figures: list[str] = []
        self._line: list[StyledText] = []
        """The incomplete line, if only whole lines are final."""
        self.framed = False
        """Whether there is a rule above it, for good."""

    def update(self, block: Reasoning, moment: Moment, *, done: bool, followed: bool) -> None:
        text = self._held + self.take_new(block.text, done=done)
        text = text.lstrip() if self._began_at is None else text
        shown = text.rstrip()
        self._held = text[len(shown) :]
        if self._began_at is None:
            if not shown:
                return
            self._began_at = moment.now
        self._figures = _format_effort(moment.now - self._began_at, len(block.text))
        self.draw(*self._lay_out(shown, moment, done=done), moment, done=done, followed=followed)

    def draw(
        self,
        new: list[StyledText],
        rest: list[StyledText],
        moment: Moment,
        *,
        done: bool,
        followed: bool,
    ) -> None:
        """Draw text that is placed for good, and the text after it, which is not."""
        new = self._line + new
        whole, self._line = split_lines(new) if self.canvas.whole_lines and not done else (new, [])
        top = [] if self.framed else [*self.draw_top(moment), LINE_BREAK]
        self.framed = self.framed or bool(whole)
        self.final += [*top, *whole] if whole else []
        self.rest = [*([] if self.framed else top), *self._line, *rest]

    def choose_wrap(self) -> WordWrap | None:
        return WordWrap(0) if self.canvas.look.wrap == "words" else None

    def draw_top(self, moment: Moment) -> list[StyledText]:
        return draw_top("reasoning", "dim", self.canvas, moment)

    def close(
        self, moment: Moment, figures: Sequence[str] = (), *, crossed: bool = False
    ) -> list[StyledText]:
        framed = self.framed or self.rest
        return draw_bottom(self._figures, self.canvas, moment) if framed else []

    def _lay_out(
        self, text: str, moment: Moment, *, done: bool
    ) -> tuple[list[StyledText], list[StyledText]]:
        """Return the text that is placed for good, and the word that is not."""
        spans = [(text, "dim")] if text else []
        if not self._wrap:
            return self.palette.apply(spans), []
        self._wrap.width = moment.columns
        placed = self._wrap.feed(spans)
        if done:
            placed += self._wrap.finish()
        return self.palette.apply(placed), self.palette.apply(self._wrap.peek())


class FoldingReasoning(ReasoningDrawing):
    """The last rows of the reasoning, which fold to one line once something follows it."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._rows: deque[list[StyledText]] = deque([[]], MAX_LIVE_ROWS)

    def choose_wrap(self) -> WordWrap:
        return WordWrap(0)  # rows are counted

    def draw(
        self,
        new: list[StyledText],
        rest: list[StyledText],
        moment: Moment,
        *,
        done: bool,
        followed: bool,
    ) -> None:
        for part in new:
            self._add(part)
        if done and (followed or moment.answered):
            between = f" {self.canvas.glyphs.dot} "
            folded = wrap(["reasoning", *self._figures], between, moment.columns)[0]
            self.final, self.rest = self.palette.apply([(folded, "dim")]), []
            return
        rows = list(self._rows)[-max(count_live_rows(moment), 1) :]
        lines = [part for row in rows for part in (LINE_BREAK, *row)][1:]
        text = [*self.draw_top(moment), LINE_BREAK, *lines, *rest]
        self.framed = done
        self.final, self.rest = (text, []) if done else ([], text)

    def _add(self, part: StyledText) -> None:
        text, style = part
        first, *others = text.split("\n")
        self._rows[-1].append((sanitize(first), style))
        self._rows.extend([(sanitize(other), style)] for other in others)


def _format_effort(seconds: float, pieces: int) -> list[str]:
    """Return the time, if it is known, and the number of tokens: servers send them one by one."""
    took = [format_duration(seconds)] if seconds >= _TIMED else []
    return [*took, f"~{pieces:,} token{'s' * (pieces != 1)}"]
