"""The blocks of a turn in their order: what of them is final, and what comes after that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from rich.console import Console

from streamchat.events import ANSWER_TOOL
from streamchat.text.sanitize import Sanitizer, one_line
from streamchat.turn import Answer, Block, Fragments, Note, Prose, Reasoning, ToolCall, Turn
from streamchat.view.glyphs import Glyphs
from streamchat.view.live.painter import after
from streamchat.view.live.panel import closed_panel, open_panel, short_line
from streamchat.view.markdown.inline import Span
from streamchat.view.markdown.stream import MarkdownStream
from streamchat.view.style import Palette

_TEXTS = (Prose, Reasoning, Answer)


class Page:
    """Draws the states of one turn, each time only what is new.

    Args:
        console: lays panels out.
        palette: knows the styles.
        marks: what to draw with.
        whole_lines: whether a line of text is final only when it is complete.
    """

    def __init__(
        self, console: Console, palette: Palette, marks: Glyphs, *, whole_lines: bool
    ) -> None:
        self._console = console
        self._palette = palette
        self._marks = marks
        self._whole_lines = whole_lines
        self._drawings: dict[object, _Drawing] = {}
        self._finished: set[object] = set()
        """The blocks that were given out whole."""
        self._above: Block | None = None
        """The last block of which something was given out."""

    def drawn(
        self, turn: Turn, columns: int, lines: int, *, over: bool
    ) -> tuple[list[Span], list[Span]]:
        """Returns what has become final since the last time, and all that comes after it.

        Args:
            turn: its state, no earlier one than the last time.
            columns: how many cells a line of the window has.
            lines: how many lines the window has. What comes after is kept short if they are few.
            over: whether nothing more will come.
        """
        final: list[Span] = []
        waiting: list[_Drawing] = []
        for key, block, done in _unfinished(turn, self._finished, over=over):
            drawing = self._drawing(key, block)
            drawing.update(block, columns, done=done)
            if not drawing.began:
                drawing.lead = _lead(waiting[-1].block if waiting else self._above, block)
            if waiting:
                waiting.append(drawing)
                continue
            if drawing.final:
                final += drawing.taken()
                self._above = block
            if done:
                self._finished.add(key)
                del self._drawings[key]
            else:
                waiting.append(drawing)
        return final, _shown(waiting, columns, lines)

    def _drawing(self, key: object, block: Block) -> _Drawing:
        if key not in self._drawings:
            self._drawings[key] = self._new_drawing(block)
        return self._drawings[key]

    def _new_drawing(self, block: Block) -> _Drawing:
        match block:
            case ToolCall():
                return _Call(self._palette, self._marks, self._console)
            case Note():
                return _Line(self._palette)
            case Reasoning():
                return _Reasoning(self._palette, whole_lines=self._whole_lines)
            case _:
                return _Text(self._palette, self._marks, whole_lines=self._whole_lines)


class _Drawing:
    """How far a block is drawn."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self.lead = ""
        """What separates it from the block above."""
        self.began = False
        """Whether some of it was given out."""
        self.final: list[Span] = []
        """What can be given out once all blocks above are final."""
        self.rest: list[Span] = []
        self.short: list[Span] | None = None
        """What stands for `rest` in a window that is too small for it."""
        self.block: Block

    def update(self, block: Any, columns: int, *, done: bool) -> None:
        """Draws what is new."""
        raise NotImplementedError

    def taken(self) -> list[Span]:
        """Returns what is to be given out, once."""
        pieces = [(self.lead, ""), *self.final]
        self.lead, self.final, self.began = "", [], True
        return pieces


class _Growing(_Drawing):
    """Text of which more may come."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette)
        self._sanitizer = Sanitizer()
        self._fed = 0

    def new_text(self, text: Fragments, *, done: bool) -> str:
        """Returns what has come since the last time, without anything harmful."""
        new = self._sanitizer.feed("".join(text[self._fed :]))
        self._fed = len(text)
        return new + self._sanitizer.finish() if done else new


class _Reasoning(_Growing):
    """Reasoning, dim and as it is."""

    def __init__(self, palette: Palette, *, whole_lines: bool) -> None:
        super().__init__(palette)
        self._whole_lines = whole_lines
        self._held = ""
        """The space that nothing may follow, or the line that is not complete."""

    def update(self, block: Reasoning, columns: int, *, done: bool) -> None:
        self.block = block
        text = self._held + self.palette.encodable(self.new_text(block.text, done=done))
        if not self.began and not self.final:
            text = text.lstrip()
        end = text.rfind("\n") if self._whole_lines and not done else len(text)
        shown = text[: max(end, 0)].rstrip()
        self._held = text[len(shown) :]
        self.final += self.palette.named([(shown, "dim")]) if shown else []
        self.rest = self.palette.named([(self._held.rstrip(), "dim")]) if self._whole_lines else []


class _Text(_Growing):
    """Text, as Markdown."""

    def __init__(self, palette: Palette, marks: Glyphs, *, whole_lines: bool) -> None:
        super().__init__(palette)
        self._stream = MarkdownStream(0, marks)
        self._whole_lines = whole_lines
        self._line: list[Span] = []
        """The line that waits for its end, if only whole lines are final."""

    def update(self, block: Prose | Answer, columns: int, *, done: bool) -> None:
        self.block = block
        self._stream.width = columns
        self._stream.feed(self.palette.encodable(self.new_text(block.text, done=done)))
        if done:
            self._stream.finish()
        new = self._line + self.palette.named(self._stream.take())
        whole, self._line = _lines(new) if self._whole_lines and not done else (new, [])
        self.final += whole
        self.rest = self._line + self.palette.named(self._stream.tail())


class _Call(_Drawing):
    """A tool call, as a panel."""

    def __init__(self, palette: Palette, marks: Glyphs, console: Console) -> None:
        super().__init__(palette)
        self._marks = marks
        self._console = console
        self._drawn: tuple[ToolCall, int, bool] | None = None

    def update(self, block: ToolCall, columns: int, *, done: bool) -> None:
        if self._drawn == (block, columns, done):
            return
        self.block = block
        self._drawn = (block, columns, done)
        panel = closed_panel if done else open_panel
        lines = panel(block, self._console, columns, self._marks)
        pieces = [piece for line in lines for piece in (("\n", ""), *self.palette.segments(line))]
        self.final, self.rest = (pieces[1:], []) if done else ([], pieces[1:])
        self.short = self.palette.named(short_line(block, columns))


class _Line(_Drawing):
    """A note."""

    def update(self, block: Note, columns: int, *, done: bool) -> None:
        self.block = block
        self.final = self.palette.named([(f"({one_line(block.text)})", "dim")])


def _unfinished(
    turn: Turn, finished: set[object], *, over: bool
) -> Iterator[tuple[object, Block, bool]]:
    """Yields the blocks that are still to be drawn, and whether each is whole.

    Blocks are known by their id, or by how manieth of their kind they are: prose can become the
    answer, and a call that failed can move behind what was written in it.
    """
    answered = {block.call_id for block in turn.blocks if isinstance(block, Answer)}
    texts = notes = thoughts = 0
    for at, block in enumerate(turn.blocks):
        match block:
            case ToolCall(call_id, name):
                key: object = call_id
                if name == ANSWER_TOOL and not block.failed:
                    continue  # what is written in it is a block of its own
                if call_id in answered:
                    block = replace(block, fragments=Fragments())
                done = block.ended
            case Note():
                notes += 1
                key, done = ("note", notes), True
            case Reasoning():
                thoughts += 1
                key, done = ("thoughts", thoughts), at < len(turn.blocks) - 1
            case Prose():
                texts += 1
                after = turn.blocks[at + 1 :]
                done = any(not isinstance(other, Reasoning) for other in after)
                key = ("text", texts)
            case Answer():
                texts += 1
                key, done = ("text", texts), _is_whole(block, turn)
        if key not in finished:
            yield key, block, done or over


def _is_whole(answer: Answer, turn: Turn) -> bool:
    """Whether nothing more can come: other calls of the message may come before its end."""
    calls = (block for block in turn.blocks if isinstance(block, ToolCall))
    ended = any(call.call_id == answer.call_id and call.ended for call in calls)
    return ended or answer.refused


def _lead(above: Block | None, block: Block) -> str:
    """Returns what separates two blocks: an empty line, unless neither is text."""
    if above is None:
        return ""
    apart = isinstance(above, _TEXTS) or isinstance(block, _TEXTS)
    return "\n\n" if apart else "\n"


def _lines(pieces: list[Span]) -> tuple[list[Span], list[Span]]:
    """Cuts before the last line feed."""
    for at in range(len(pieces) - 1, -1, -1):
        text, style = pieces[at]
        if "\n" in text:
            end = text.rindex("\n")
            return [*pieces[:at], (text[:end], style)], [(text[end:], style), *pieces[at + 1 :]]
    return [], pieces


def _shown(waiting: Iterable[_Drawing], columns: int, lines: int) -> list[Span]:
    """Returns what is not final yet; calls take a line each if their panels do not fit."""
    parts = [(drawing, _last(drawing.final + drawing.rest, columns, lines)) for drawing in waiting]
    rows = sum(text.count("\n") for _, pieces in parts for text, _ in pieces)
    if rows > lines - 3:
        parts = [(drawing, drawing.short or pieces) for drawing, pieces in parts]
    return [piece for drawing, pieces in parts if pieces for piece in ((drawing.lead, ""), *pieces)]


def _last(pieces: list[Span], columns: int, lines: int) -> list[Span]:
    """Returns as much of the end as can be seen, from where a row may begin."""
    over = sum(len(text) for text, _ in pieces) - columns * lines
    return after(pieces, over + -over % columns) if over > 0 else pieces
