"""The text of a turn: the answer in a frame, as it arrives."""

from __future__ import annotations

from collections.abc import Sequence

from streamchat.turn import Answer, Prose
from streamchat.view.live.drawing import Canvas, Growing, Moment, split_lines
from streamchat.view.live.frame import count_live_rows, draw_bottom, draw_top
from streamchat.view.markdown.stream import MarkdownStream
from streamchat.view.style import LINE_BREAK, StyledText, choose_code_style


class TextDrawing(Growing):
    """The answer as Markdown, in a frame; or other text, without one.

    Text that nothing has followed yet is most likely the answer, and looks like one. It is final
    once something follows it, or as soon as it is long.
    """

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._stream = MarkdownStream(
            0,
            canvas.glyphs,
            wrap=canvas.look.wrap == "words",
            code_style=choose_code_style(canvas.look.code_style, canvas.console),
        )
        self._line: list[StyledText] = []
        """The incomplete line, if only whole lines are final."""
        self._undecided: list[StyledText] | None = []
        """The text that waits for the decision on the frame."""
        self._rows = 0
        self.framed = False
        """Whether there is a rule above it, for good."""
        self._below_rule = False
        """Whether some text below that rule is final."""

    def update(self, block: Prose | Answer, moment: Moment, *, done: bool, followed: bool) -> None:
        self._stream.width = moment.columns
        self._stream.feed(self.take_new(block.text, done=done))
        if done:
            self._stream.finish()
        new = self._line + self.palette.apply(self._stream.take())
        hold = self.canvas.whole_lines and not done
        whole, self._line = split_lines(new) if hold else (new, [])
        rest = self._line + self.palette.apply(self._stream.peek())
        if self._undecided is None:
            whole, self.rest = self._join_to_rule(whole, rest)
            self.final += whole
            return
        self._undecided += whole
        self._rows += _count_rows(whole, moment.columns)
        self._decide(block, self._undecided, rest, moment, followed=followed)

    def _decide(
        self,
        block: Prose | Answer,
        text: list[StyledText],
        rest: list[StyledText],
        moment: Moment,
        *,
        followed: bool,
    ) -> None:
        """Draw the text with a frame or without, for good if it is clear which."""
        # A line above names the node, and another one may have the last word.
        title = "" if self.speaker else "answer"
        top = draw_top(title, "strong", self.canvas, moment) if text or rest else []
        long = self._rows > count_live_rows(moment)
        if top and (isinstance(block, Answer) or long or (moment.over and not followed)):
            self._undecided, self.framed = None, True
            text, self.rest = self._join_to_rule(text, rest)
            self.final = [*top, *text]
        elif followed:
            self._undecided = None
            self.final, self.rest = text, rest
        else:
            self.rest = [*top, LINE_BREAK, *text, *rest] if top else []

    def _join_to_rule(
        self, text: list[StyledText], rest: list[StyledText]
    ) -> tuple[list[StyledText], list[StyledText]]:
        """Return the text with a line break before what comes first below the rule."""
        if not self.framed or self._below_rule:
            return text, rest
        self._below_rule = bool(text)
        return ([LINE_BREAK, *text], rest) if text else (text, rest and [LINE_BREAK, *rest])

    def close(
        self, moment: Moment, figures: Sequence[str] = (), *, crossed: bool = False
    ) -> list[StyledText]:
        framed = self.framed or (self._undecided is not None and self.rest)
        return draw_bottom(figures, self.canvas, moment, crossed=crossed) if framed else []


def _count_rows(parts: Sequence[StyledText], columns: int) -> int:
    """Return how many rows the text takes, at least."""
    return sum(text.count("\n") + len(text) // columns for text, _ in parts)
