"""The blocks of a turn in order: the text that is final, and the text after it."""

from __future__ import annotations

from collections.abc import Sequence

from streamchat.turn import (
    Code,
    Note,
    Output,
    Question,
    Reasoning,
    Speaker,
    ToolCall,
    Turn,
)
from streamchat.view.live.agent import OutputDrawing, QuestionDrawing, SpeakerDrawing
from streamchat.view.live.call import CallDrawing
from streamchat.view.live.drawing import (
    Canvas,
    Drawing,
    Moment,
    NoteDrawing,
    RepeatsDrawing,
    separate,
)
from streamchat.view.live.frame import count_live_rows, draw_figures
from streamchat.view.live.painter import drop_start
from streamchat.view.live.reasoning import FoldingReasoning, ReasoningDrawing
from streamchat.view.live.shown import Shown, list_unfinished
from streamchat.view.live.text import TextDrawing
from streamchat.view.repeats import Repeats, ShownBlock
from streamchat.view.style import LINE_BREAK, StyledText

_INDENT = 2
"""Cells by which the blocks of a subgraph are indented."""


class Page:
    """Draws successive states of one turn, and each time only what is new."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._drawings: dict[object, Drawing] = {}
        self._finished: set[object] = set()
        """The keys of the blocks that have been returned in full."""
        self._above: Drawing | None = None
        """The last block of which some text has been returned."""

    def draw(self, turn: Turn, moment: Moment) -> tuple[list[StyledText], list[StyledText]]:
        """Return the text that has become final since the last call, and all that follows it.

        Text that is not final is shortened to fit into the window.

        Args:
            turn: the state of the turn, no earlier than in the last call.
            moment: where and when it is drawn.
        """
        final: list[StyledText] = []
        waiting: list[Drawing] = []
        hides = self._canvas.look.reasoning == "hide"
        for shown in list_unfinished(turn, self._finished, over=moment.over):
            if hides and isinstance(shown.block, Reasoning):
                continue
            drawing = self._find_drawing(shown, moment)
            narrowed = drawing.narrow(moment)
            drawing.update(shown.block, narrowed, done=shown.done, followed=shown.followed)
            if not drawing.began:
                above = next((each for each in reversed(waiting) if each.shows), self._above)
                drawing.lead = separate(above, drawing, moment)
            if waiting:
                waiting.append(drawing)
                continue
            if drawing.final:
                final += drawing.take()
                self._above = drawing
            if shown.done:
                self._finished.add(shown.key)
                del self._drawings[shown.key]
            else:
                waiting.append(drawing)
        return final, _fit(waiting, moment)

    def draw_end(
        self, figures: Sequence[str], moment: Moment, *, crossed: bool
    ) -> list[StyledText]:
        """Return what follows a turn that is over: its figures, if there are any."""
        above, canvas = self._above, self._canvas
        if figures and isinstance(above, TextDrawing) and above.framed:
            return [*above.end(moment, figures, crossed=crossed), LINE_BREAK]
        closed = [*above.end(moment), LINE_BREAK] if above else []
        if not figures:
            return closed
        blank = [LINE_BREAK] if above and above.apart else []
        lines = draw_figures(figures, canvas, moment.columns, crossed=crossed)
        return [*closed, *blank, *(part for line in lines for part in (*line, LINE_BREAK))]

    def _find_drawing(self, shown: Shown, moment: Moment) -> Drawing:
        if shown.key not in self._drawings:
            drawing = self._drawings[shown.key] = self._make_drawing(shown.block)
            drawing.speaker = shown.speaker
            drawing.indent = min(_INDENT * shown.depth, moment.columns // 4)
        return self._drawings[shown.key]

    def _make_drawing(self, block: ShownBlock) -> Drawing:
        match block:
            case ToolCall() | Code():
                return CallDrawing(self._canvas)
            case Note():
                return NoteDrawing(self._canvas)
            case Repeats():
                return RepeatsDrawing(self._canvas)
            case Speaker():
                return SpeakerDrawing(self._canvas)
            case Output():
                return OutputDrawing(self._canvas)
            case Question():
                return QuestionDrawing(self._canvas)
            case Reasoning() if self._canvas.look.reasoning == "fold":
                return FoldingReasoning(self._canvas)
            case Reasoning():
                return ReasoningDrawing(self._canvas)
            case _:
                return TextDrawing(self._canvas)


def _fit(waiting: Sequence[Drawing], moment: Moment) -> list[StyledText]:
    """Return the text that is not final, with one line for each call if the panels do not fit."""
    columns, lines = moment.columns, moment.lines
    outputs = sum(isinstance(each, OutputDrawing) for each in waiting)
    printed = max(count_live_rows(moment) // max(outputs, 1), 1)
    texts = [(each, _crop(_peek(each, printed), columns, lines)) for each in waiting]
    rows = sum(part.count("\n") for _, text in texts for part, _ in text)
    if rows > lines - 3:
        texts = [(each, each.peek(short=True) if each.short else text) for each, text in texts]
    return [part for each, text in texts if text for part in (*each.lead, *text)]


def _peek(waiting: Drawing, printed: int) -> list[StyledText]:
    """Return the text of a drawing, of printed lines only so many of the last ones."""
    return waiting.peek_last(printed) if isinstance(waiting, OutputDrawing) else waiting.peek()


def _crop(text: list[StyledText], columns: int, lines: int) -> list[StyledText]:
    """Return the end of the text that may be visible, from where a row can begin."""
    over = sum(len(part) for part, _ in text) - columns * lines
    if over <= 0:
        return text
    begin = "".join(part for part, _ in text).rfind("\n", 0, over) + 1
    return drop_start(text, over + -(over - begin) % columns)
