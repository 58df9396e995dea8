"""The blocks of a turn in order: the text that is final, and the text after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from streamchat.events import ANSWER_TOOL
from streamchat.text.pieces import Pieces
from streamchat.turn import Answer, Code, Note, Prose, Reasoning, ToolCall, Turn
from streamchat.view.live.drawing import (
    Canvas,
    Drawing,
    Moment,
    NoteDrawing,
    RepeatsDrawing,
    separate,
)
from streamchat.view.live.frame import draw_figures
from streamchat.view.live.painter import drop_start
from streamchat.view.live.panel import choose_state, draw_line, draw_panel
from streamchat.view.live.reasoning import FoldingReasoning, ReasoningDrawing
from streamchat.view.live.text import TextDrawing
from streamchat.view.repeats import Repeats, ShownBlock, group_repeats
from streamchat.view.style import LINE_BREAK, StyledText

_CODE_TITLE = "python"


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
        for shown in _iterate_unfinished(turn, self._finished, over=moment.over):
            if hides and isinstance(shown.block, Reasoning):
                continue
            drawing = self._find_drawing(shown)
            drawing.update(shown.block, moment, done=shown.done, followed=shown.followed)
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

    def draw_end(self, figures: Sequence[str], moment: Moment, *, failed: bool) -> list[StyledText]:
        """Return what follows a turn that is over: its figures, if there are any."""
        above, canvas = self._above, self._canvas
        if figures and isinstance(above, TextDrawing) and above.framed:
            return [*above.close(moment, figures, failed=failed), LINE_BREAK]
        closed = [*above.close(moment), LINE_BREAK] if above else []
        if not figures:
            return closed
        blank = [LINE_BREAK] if above and above.apart else []
        lines = draw_figures(figures, canvas, moment.columns, failed=failed)
        return [*closed, *blank, *(part for line in lines for part in (*line, LINE_BREAK))]

    def _find_drawing(self, shown: _Shown) -> Drawing:
        if shown.key not in self._drawings:
            self._drawings[shown.key] = self._make_drawing(shown.block)
        return self._drawings[shown.key]

    def _make_drawing(self, block: ShownBlock) -> Drawing:
        match block:
            case ToolCall() | Code():
                return CallDrawing(self._canvas)
            case Note():
                return NoteDrawing(self._canvas)
            case Repeats():
                return RepeatsDrawing(self._canvas)
            case Reasoning() if self._canvas.look.reasoning == "fold":
                return FoldingReasoning(self._canvas)
            case Reasoning():
                return ReasoningDrawing(self._canvas)
            case _:
                return TextDrawing(self._canvas)


class CallDrawing(Drawing):
    """A tool call as a panel, or the code that is about to become one."""

    apart = False

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._began_at: float | None = None
        self._drawn: object = None

    def update(self, block: ToolCall | Code, moment: Moment, *, done: bool, followed: bool) -> None:
        if isinstance(block, Code):
            block = ToolCall("", _CODE_TITLE, code=block.text)
        self._began_at = moment.now if self._began_at is None else self._began_at
        glyphs = self.canvas.glyphs
        state = choose_state(
            block,
            glyphs,
            spinner=glyphs.spin(moment.now),
            elapsed=moment.now - self._began_at,
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


class _Shown(NamedTuple):
    """A block that is not drawn in full.

    Attributes:
        key: a call's ID or the block's ordinal within its kind: prose can become the answer, and a
            failed call can move below the text that was written in it.
        block: the block.
        done: whether it is complete.
        followed: whether another follows it; reasoning in the middle of a text does not count.
    """

    key: object
    block: ShownBlock
    done: bool
    followed: bool


def _iterate_unfinished(turn: Turn, finished: set[object], *, over: bool) -> Iterator[_Shown]:
    answered = {block.call_id for block in turn.blocks if isinstance(block, Answer)}
    texts = notes = codes = reasonings = 0
    shown = list(group_repeats(turn.blocks))
    for at, block in enumerate(shown):
        followed = at < len(shown) - 1
        match block:
            case Repeats(call_id, complete=complete):
                key: object = ("repeats", call_id)
                done = complete
            case ToolCall(call_id, name):
                key = call_id
                if name == ANSWER_TOOL and not block.failed:
                    continue  # its text is a block of its own
                if call_id in answered:
                    block = replace(block, fragments=Pieces())
                done = block.ended
            case Note():
                notes += 1
                key, done = ("note", notes), True
            case Code():
                codes += 1
                key, done = ("code", codes), followed
            case Reasoning():
                reasonings += 1
                key, done = ("reasoning", reasonings), followed
            case Prose():
                texts += 1
                done = followed = any(not isinstance(each, Reasoning) for each in shown[at + 1 :])
                key = ("text", texts)
            case Answer():
                texts += 1
                key, done = ("text", texts), _is_complete(block, turn)
        if key not in finished:
            yield _Shown(key, block, done or over, followed)


def _is_complete(answer: Answer, turn: Turn) -> bool:
    """Whether the text cannot grow: other calls may arrive before the answer's own ends."""
    calls = (block for block in turn.blocks if isinstance(block, ToolCall))
    ended = any(call.call_id == answer.call_id and call.ended for call in calls)
    return ended or answer.refused


def _fit(waiting: Iterable[Drawing], moment: Moment) -> list[StyledText]:
    """Return the text that is not final, with one line for each call if the panels do not fit."""
    columns, lines = moment.columns, moment.lines
    texts = [(each, _crop(each.final + each.rest, columns, lines)) for each in waiting]
    rows = sum(part.count("\n") for _, text in texts for part, _ in text)
    if rows > lines - 3:
        texts = [(each, each.short or text) for each, text in texts]
    return [part for each, text in texts if text for part in (*each.lead, *text)]


def _crop(text: list[StyledText], columns: int, lines: int) -> list[StyledText]:
    """Return the end of the text that may be visible, from where a row can begin."""
    over = sum(len(part) for part, _ in text) - columns * lines
    if over <= 0:
        return text
    begin = "".join(part for part, _ in text).rfind("\n", 0, over) + 1
    return drop_start(text, over + -(over - begin) % columns)
