"""What a page is made of: drawings, each of one block, which know how far they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from streamchat.text.pieces import Pieces
from streamchat.text.sanitize import Sanitizer, cut, one_line, sanitize
from streamchat.turn import Note
from streamchat.view.glyphs import Glyphs
from streamchat.view.look import Look
from streamchat.view.repeats import Repeats
from streamchat.view.style import LINE_BREAK, Palette, StyledText


@dataclass(frozen=True, slots=True)
class Canvas:
    """What every drawing needs.

    Attributes:
        console: lays panels out.
        palette: applies styles.
        glyphs: the characters to draw with.
        look: what the user wants it to look like.
        whole_lines: whether a line of text is final only when it is complete.
    """

    console: Console
    palette: Palette
    glyphs: Glyphs
    look: Look
    whole_lines: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """The window and the time at which something is drawn.

    Attributes:
        columns: the window's width, in cells.
        lines: the window's height.
        now: the time, in seconds of a clock that is never set back.
        over: whether the turn has ended.
        answered: whether it ended with an answer.
    """

    columns: int
    lines: int
    now: float
    over: bool
    answered: bool


class Drawing:
    """One block, and how far it is drawn."""

    apart = True
    """Whether an empty line separates it from any block, and not only from text."""
    leads = False
    """Whether the next block follows without an empty line."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.palette = canvas.palette
        self.lead: list[StyledText] = []
        """Separates it from the block above."""
        self.began = False
        """Whether some of it has been returned."""
        self.final: list[StyledText] = []
        """The text to return as soon as all blocks above are final."""
        self.rest: list[StyledText] = []
        self.short: list[StyledText] | None = None
        """Replaces `rest` in a window that is too small for it."""
        self.speaker = ""
        """The name of the node that it comes from, if there are several."""
        self.indent = 0
        """The cells to the left of its lines."""
        self._at_line_start = True
        """Whether the final text returned so far ends where a line begins."""

    def update(self, block: Any, moment: Moment, *, done: bool, followed: bool) -> None:
        """Draw what is new.

        Args:
            block: the block's state, no earlier than in the last call.
            moment: where and when it is drawn.
            done: whether the block is complete.
            followed: whether it is not the last of its turn, reasoning apart.
        """
        raise NotImplementedError

    @property
    def shows(self) -> bool:
        """Whether there is anything to see of it."""
        return self.began or bool(self.final or self.rest)

    def take(self) -> list[StyledText]:
        """Return the final text, once."""
        text, self._at_line_start = indent(self.final, self.indent, self._at_line_start)
        text = [*self.lead, *text]
        self.lead, self.final, self.began = [], [], True
        return text

    def peek(self, *, short: bool = False) -> list[StyledText]:
        """Return the text that is still to be returned, or the short one if there is one."""
        return self.indent_text(self.short if short and self.short else [*self.final, *self.rest])

    def indent_text(self, text: list[StyledText]) -> list[StyledText]:
        """Return text that is still to be returned with its indentation."""
        return indent(text, self.indent, self._at_line_start)[0]

    def narrow(self, moment: Moment) -> Moment:
        """Return the moment with as many columns as the indentation leaves."""
        return replace(moment, columns=max(moment.columns - self.indent, 1))

    def end(
        self, moment: Moment, figures: Sequence[str] = (), *, crossed: bool = False
    ) -> list[StyledText]:
        """Return the rule below it, with figures of the turn, if there is one above it."""
        rule = self.close(self.narrow(moment), figures, crossed=crossed)
        return indent(rule, self.indent, at_line_start=False)[0]

    def close(
        self, moment: Moment, figures: Sequence[str] = (), *, crossed: bool = False
    ) -> list[StyledText]:
        """Return what `end` does, without an indentation."""
        return []


class Growing(Drawing):
    """A block whose text grows."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._sanitizer = Sanitizer()
        self._fed = 0

    def take_new(self, text: Pieces, *, done: bool) -> str:
        """Return the text that has arrived since the last call, sanitized and encodable."""
        new = self._sanitizer.feed("".join(text[self._fed :]))
        self._fed = len(text)
        return self.palette.escape_unencodable(new + self._sanitizer.finish() if done else new)


class NoteDrawing(Drawing):
    """A note, in parentheses."""

    apart = False

    def update(self, block: Note, moment: Moment, *, done: bool, followed: bool) -> None:
        self.final = self.palette.apply([(f"({one_line(block.text)})", "dim")])


class RepeatsDrawing(Drawing):
    """The number of calls that are not shown because they failed like the last one."""

    apart = False

    def update(self, block: Repeats, moment: Moment, *, done: bool, followed: bool) -> None:
        times = f"{block.count} more time{'s' * (block.count > 1)}"
        text = self.palette.apply([(f"(the same call failed {times})", "dim")])
        self.final, self.rest = (text, []) if done else ([], text)


def separate(above: Drawing | None, block: Drawing, moment: Moment) -> list[StyledText]:
    """Return what stands between two blocks: their blank line, or only a line break."""
    if above is None:
        return []
    blank = [LINE_BREAK] if (above.apart or block.apart) and not above.leads else []
    return [*above.end(moment), LINE_BREAK, *blank]


def indent(
    parts: list[StyledText], cells: int, at_line_start: bool
) -> tuple[list[StyledText], bool]:
    """Return the text with spaces before each line that is not empty, and where it ends.

    Args:
        parts: the text.
        cells: the number of spaces.
        at_line_start: whether the text begins where a line does.
    """
    if not cells:
        return parts, at_line_start
    spaces: StyledText = (sanitize(" " * cells), "")
    indented: list[StyledText] = []
    for text, style in parts:
        for piece in re.split("(\n)", text):
            if piece:
                is_text = piece != "\n"
                indented += [spaces] if is_text and at_line_start else []
                indented.append((sanitize(piece), style))
                at_line_start = not is_text
    return indented, at_line_start


def split_lines(parts: list[StyledText]) -> tuple[list[StyledText], list[StyledText]]:
    """Split the text at its last line break, which goes to the second part."""
    for at in range(len(parts) - 1, -1, -1):
        text, style = parts[at]
        if "\n" in text:
            end = text.rindex("\n")
            whole = [*parts[:at], (cut(text, 0, end), style)]
            return whole, [(cut(text, end), style), *parts[at + 1 :]]
    return [], parts
