"""The blocks of a turn in order: the text that is final, and the text after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from rich.console import Console

from streamchat.events import ANSWER_TOOL
from streamchat.text.pieces import Pieces
from streamchat.text.sanitize import Sanitizer, cut, one_line, sanitize
from streamchat.turn import Answer, Note, Prose, Reasoning, ToolCall, Turn
from streamchat.view.glyphs import Glyphs
from streamchat.view.live.painter import drop_start
from streamchat.view.live.panel import draw_closed_panel, draw_line, draw_open_panel
from streamchat.view.markdown.stream import MarkdownStream
from streamchat.view.repeats import Repeats, ShownBlock, group_repeats
from streamchat.view.style import LINE_BREAK, Palette, StyledText

_TEXTS = (Prose, Reasoning, Answer)
_NOTHING: StyledText = (sanitize(""), "")
_BLANK_LINE: StyledText = (sanitize("\n\n"), "")


class Page:
    """Draws successive states of one turn, and each time only what is new.

    Args:
        console: lays panels out.
        palette: applies styles.
        glyphs: the characters to draw with.
        whole_lines: whether a line of text is final only when it is complete.
    """

    def __init__(
        self, console: Console, palette: Palette, glyphs: Glyphs, *, whole_lines: bool
    ) -> None:
        self._console = console
        self._palette = palette
        self._glyphs = glyphs
        self._whole_lines = whole_lines
        self._drawings: dict[object, _Drawing] = {}
        self._finished: set[object] = set()
        """The keys of the blocks that have been returned in full."""
        self._above: ShownBlock | None = None
        """The last block of which some text has been returned."""

    def draw(
        self, turn: Turn, columns: int, lines: int, *, over: bool
    ) -> tuple[list[StyledText], list[StyledText]]:
        """Return the text that has become final since the last call, and all that follows it.

        Args:
            turn: the state of the turn, no earlier than in the last call.
            columns: the window's width, in cells.
            lines: the window's height. Text that is not final is shortened to fit.
            over: whether the turn has ended.
        """
        final: list[StyledText] = []
        waiting: list[_Drawing] = []
        for key, block, done in _iterate_unfinished(turn, self._finished, over=over):
            drawing = self._find_drawing(key, block)
            drawing.update(block, columns, done=done)
            if not drawing.began:
                drawing.lead = _separate(waiting[-1].block if waiting else self._above, block)
            if waiting:
                waiting.append(drawing)
                continue
            if drawing.final:
                final += drawing.take()
                self._above = block
            if done:
                self._finished.add(key)
                del self._drawings[key]
            else:
                waiting.append(drawing)
        return final, _fit(waiting, columns, lines)

    def _find_drawing(self, key: object, block: ShownBlock) -> _Drawing:
        if key not in self._drawings:
            self._drawings[key] = self._make_drawing(block)
        return self._drawings[key]

    def _make_drawing(self, block: ShownBlock) -> _Drawing:
        match block:
            case ToolCall():
                return _Call(self._palette, self._glyphs, self._console)
            case Note():
                return _Note(self._palette)
            case Repeats():
                return _Repeats(self._palette)
            case Reasoning():
                return _Reasoning(self._palette, whole_lines=self._whole_lines)
            case _:
                return _Text(self._palette, self._glyphs, whole_lines=self._whole_lines)


class _Drawing:
    """One block, and how far it is drawn."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self.lead = _NOTHING
        """Separates it from the block above."""
        self.began = False
        """Whether some of it has been returned."""
        self.final: list[StyledText] = []
        """The text to return as soon as all blocks above are final."""
        self.rest: list[StyledText] = []
        self.short: list[StyledText] | None = None
        """Replaces `rest` in a window that is too small for it."""
        self.block: ShownBlock

    def update(self, block: Any, columns: int, *, done: bool) -> None:
        """Draw what is new."""
        raise NotImplementedError

    def take(self) -> list[StyledText]:
        """Return the final text, once."""
        text = [self.lead, *self.final]
        self.lead, self.final, self.began = _NOTHING, [], True
        return text


class _Growing(_Drawing):
    """A block whose text grows."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette)
        self._sanitizer = Sanitizer()
        self._fed = 0

    def take_new(self, text: Pieces, *, done: bool) -> str:
        """Return the text that has arrived since the last call, sanitized and encodable."""
        new = self._sanitizer.feed("".join(text[self._fed :]))
        self._fed = len(text)
        return self.palette.escape_unencodable(new + self._sanitizer.finish() if done else new)


class _Reasoning(_Growing):
    """Reasoning: dim, and not read as Markdown."""

    def __init__(self, palette: Palette, *, whole_lines: bool) -> None:
        super().__init__(palette)
        self._whole_lines = whole_lines
        self._held = ""
        """Whitespace at the end, or the incomplete line."""

    def update(self, block: Reasoning, columns: int, *, done: bool) -> None:
        self.block = block
        text = self._held + self.take_new(block.text, done=done)
        if not self.began and not self.final:
            text = text.lstrip()
        end = text.rfind("\n") if self._whole_lines and not done else len(text)
        shown = text[: max(end, 0)].rstrip()
        self._held = text[len(shown) :]
        self.final += self.palette.apply([(shown, "dim")]) if shown else []
        self.rest = self.palette.apply([(self._held.rstrip(), "dim")]) if self._whole_lines else []


class _Text(_Growing):
    """Text, as Markdown."""

    def __init__(self, palette: Palette, glyphs: Glyphs, *, whole_lines: bool) -> None:
        super().__init__(palette)
        self._stream = MarkdownStream(0, glyphs)
        self._whole_lines = whole_lines
        self._line: list[StyledText] = []
        """The incomplete line, if only whole lines are final."""

    def update(self, block: Prose | Answer, columns: int, *, done: bool) -> None:
        self.block = block
        self._stream.width = columns
        self._stream.feed(self.take_new(block.text, done=done))
        if done:
            self._stream.finish()
        new = self._line + self.palette.apply(self._stream.take())
        whole, self._line = _split_lines(new) if self._whole_lines and not done else (new, [])
        self.final += whole
        self.rest = self._line + self.palette.apply(self._stream.peek())


class _Call(_Drawing):
    """A tool call, as a panel."""

    def __init__(self, palette: Palette, glyphs: Glyphs, console: Console) -> None:
        super().__init__(palette)
        self._glyphs = glyphs
        self._console = console
        self._drawn: tuple[ToolCall, int, bool] | None = None

    def update(self, block: ToolCall, columns: int, *, done: bool) -> None:
        if self._drawn == (block, columns, done):
            return
        self.block = block
        self._drawn = (block, columns, done)
        panel = draw_closed_panel if done else draw_open_panel
        lines = panel(block, self._console, columns, self._glyphs)
        text = [part for line in lines for part in (LINE_BREAK, *self.palette.apply_segments(line))]
        self.final, self.rest = (text[1:], []) if done else ([], text[1:])
        self.short = self.palette.apply(draw_line(block, columns))


class _Note(_Drawing):
    """A note, in parentheses."""

    def update(self, block: Note, columns: int, *, done: bool) -> None:
        self.block = block
        self.final = self.palette.apply([(f"({one_line(block.text)})", "dim")])


class _Repeats(_Drawing):
    """The number of calls that are not shown because they failed like the last one."""

    def update(self, block: Repeats, columns: int, *, done: bool) -> None:
        self.block = block
        times = f"{block.count} more time{'s' * (block.count > 1)}"
        text = self.palette.apply([(f"(the same call failed {times})", "dim")])
        self.final, self.rest = (text, []) if done else ([], text)


def _iterate_unfinished(
    turn: Turn, finished: set[object], *, over: bool
) -> Iterator[tuple[object, ShownBlock, bool]]:
    """Yield each block that is not drawn in full, with its key, and whether it is complete.

    The key is a call's ID or the block's ordinal within its kind: prose can become the answer, and
    a failed call can move below the text that was written in it.
    """
    answered = {block.call_id for block in turn.blocks if isinstance(block, Answer)}
    texts = notes = reasonings = 0
    shown = list(group_repeats(turn.blocks))
    for at, block in enumerate(shown):
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
            case Reasoning():
                reasonings += 1
                key, done = ("reasoning", reasonings), at < len(shown) - 1
            case Prose():
                texts += 1
                after = shown[at + 1 :]
                done = any(not isinstance(other, Reasoning) for other in after)
                key = ("text", texts)
            case Answer():
                texts += 1
                key, done = ("text", texts), _is_complete(block, turn)
        if key not in finished:
            yield key, block, done or over


def _is_complete(answer: Answer, turn: Turn) -> bool:
    """Whether the text cannot grow: other calls may arrive before the answer's own ends."""
    calls = (block for block in turn.blocks if isinstance(block, ToolCall))
    ended = any(call.call_id == answer.call_id and call.ended for call in calls)
    return ended or answer.refused


def _separate(above: ShownBlock | None, block: ShownBlock) -> StyledText:
    """Return what separates two blocks: an empty line, or only a line break if neither is text."""
    if above is None:
        return _NOTHING
    apart = isinstance(above, _TEXTS) or isinstance(block, _TEXTS)
    return _BLANK_LINE if apart else LINE_BREAK


def _split_lines(parts: list[StyledText]) -> tuple[list[StyledText], list[StyledText]]:
    """Split the text at its last line break, which goes to the second part."""
    for at in range(len(parts) - 1, -1, -1):
        text, style = parts[at]
        if "\n" in text:
            end = text.rindex("\n")
            whole = [*parts[:at], (cut(text, 0, end), style)]
            return whole, [(cut(text, end), style), *parts[at + 1 :]]
    return [], parts


def _fit(waiting: Iterable[_Drawing], columns: int, lines: int) -> list[StyledText]:
    """Return the text that is not final, with one line for each call if the panels do not fit."""
    texts = [(each, _crop(each.final + each.rest, columns, lines)) for each in waiting]
    rows = sum(part.count("\n") for _, text in texts for part, _ in text)
    if rows > lines - 3:
        texts = [(each, each.short or text) for each, text in texts]
    return [part for each, text in texts if text for part in (each.lead, *text)]


def _crop(text: list[StyledText], columns: int, lines: int) -> list[StyledText]:
    """Return the end of the text that may be visible, from where a row can begin."""
    over = sum(len(part) for part, _ in text) - columns * lines
    return drop_start(text, over + -over % columns) if over > 0 else text
