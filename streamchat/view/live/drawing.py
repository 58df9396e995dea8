"""What a page is made of: drawings, each of one block, which know how far they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from streamchat.text.pieces import Pieces
from streamchat.text.sanitize import Sanitizer, cut, one_line
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
        text = [*self.lead, *self.final]
        self.lead, self.final, self.began = [], [], True
        return text

    def close(
        self, moment: Moment, figures: Sequence[str] = (), *, failed: bool = False
    ) -> list[StyledText]:
        """Return the rule below it, with figures of the turn, if there is one above it."""
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
    blank = [LINE_BREAK] if above.apart or block.apart else []
    return [*above.close(moment), LINE_BREAK, *blank]


def split_lines(parts: list[StyledText]) -> tuple[list[StyledText], list[StyledText]]:
    """Split the text at its last line break, which goes to the second part."""
    for at in range(len(parts) - 1, -1, -1):
        text, style = parts[at]
        if "\n" in text:
            end = text.rindex("\n")
            whole = [*parts[:at], (cut(text, 0, end), style)]
            return whole, [(cut(text, end), style), *parts[at + 1 :]]
    return [], parts
