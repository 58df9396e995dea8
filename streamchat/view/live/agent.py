"""What the user's own agent adds to a turn: who speaks, what its code prints, what it asks."""

from __future__ import annotations

from streamchat.events import InputRequested
from streamchat.text.sanitize import one_line, sanitize
from streamchat.turn import Output, Question, Speaker
from streamchat.view.formatting import format_printed, format_speaker
from streamchat.view.live.drawing import Canvas, Drawing, Moment
from streamchat.view.markdown.inline import Span
from streamchat.view.markdown.wrap import WordWrap
from streamchat.view.requests import describe_request
from streamchat.view.style import LINE_BREAK, StyledText

_UNLIMITED = 10**6
"""The width of lines that are left to the terminal to wrap."""


class SpeakerDrawing(Drawing):
    """The name of the node whose blocks follow."""

    leads = True

    def update(self, block: Speaker, moment: Moment, *, done: bool, followed: bool) -> None:
        name, mark = format_speaker(block.name), self.canvas.glyphs.speaker
        self.final = self.palette.apply([(name, "strong"), (f" {mark}", "dim")])


class OutputDrawing(Drawing):
    """Lines that the agent's code has printed."""

    apart = False

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._drawn = 0

    def update(self, block: Output, moment: Moment, *, done: bool, followed: bool) -> None:
        for line in block.lines[self._drawn :]:
            lead = [LINE_BREAK] if self._drawn else []
            text = f"{self.canvas.glyphs.printed} {format_printed(line)}".rstrip()
            self.final += [*lead, *self.palette.apply([(text, "dim")])]
            self._drawn += 1

    def peek_last(self, lines: int) -> list[StyledText]:
        """Return the last lines of the text that is still to be returned."""
        # A line takes two parts at the most, the line break among them.
        recent = self.final[-2 * lines :]
        return self.indent_text(recent[1:] if recent[:1] == [LINE_BREAK] else recent)


class QuestionDrawing(Drawing):
    """A question, final at once, and the answer below it."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._is_asked = self._is_answered = False

    def update(self, block: Question, moment: Moment, *, done: bool, followed: bool) -> None:
        glyphs = self.canvas.glyphs
        if not self._is_asked:
            self._is_asked = True
            self.final = self._draw_request(block.request, moment)
        if block.answer is not None and not self._is_answered:
            self._is_answered = True
            answer: list[Span] = [(one_line(block.answer), "")]
            mark = (f"{glyphs.result} ", "dim")
            self.final += [LINE_BREAK, *self._lay_out([answer], mark, moment)]

    def _draw_request(self, requested: InputRequested, moment: Moment) -> list[StyledText]:
        texts: list[list[Span]] = []
        for lines in describe_request(requested):
            *before, last = lines
            style = "dim" if requested.actions and before else ""
            texts.append([*((f"{line}\n", "") for line in before), (last, style)])
        return self._lay_out(texts, (f"{self.canvas.glyphs.question} ", "strong"), moment)

    def _lay_out(self, texts: list[list[Span]], mark: Span, moment: Moment) -> list[StyledText]:
        """Return texts below each other, each after the mark and with its lines aligned."""
        wrap = WordWrap(moment.columns if self.canvas.look.wrap == "words" else _UNLIMITED)
        placed: list[Span] = []
        for text in texts:
            placed += wrap.feed([("\n", "")] if placed else [], ())
            placed += wrap.feed([mark, *map(self._clean, text)], [(" " * len(mark[0]), "")])
        return self.palette.apply([*placed, *wrap.finish()])

    def _clean(self, span: Span) -> Span:
        """Return the span as it will be shown: escapes are longer than what they stand for."""
        text, style = span
        return sanitize(self.palette.escape_unencodable(text)), style
