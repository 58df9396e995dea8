"""Markdown for a terminal, as it streams: what cannot change any more is given out at once.

Everything but tables is given out in lines as long as they were written, for the terminal to wrap:
text copied from there is whole again, and a window can be made wider.

The blocks are those of CommonMark and GitHub's tables, read line by line, so that a line never has
to wait for a later one. Where that is at odds with CommonMark, this holds:

- Line ends in a paragraph are kept, as chats do.
- `---` below a paragraph is a rule, not a heading.
- Rows of a table begin with a bar. From the tenth row on the columns keep their widths.
- Items keep the numbers they were given, and are nested if they are indented by two or more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from streamchat.view.glyphs import UNICODE_GLYPHS, Glyphs
from streamchat.view.markdown.fence import Fence
from streamchat.view.markdown.inline import Inline, Piece
from streamchat.view.markdown.syntax import (
    DEEPEST,
    FENCE,
    HEADING,
    ITEM,
    LONG,
    RULE,
    indented,
    is_undecided,
    quotes_of,
)
from streamchat.view.markdown.table import Cell, Table, alignments, cells, row

_RULE_LENGTH = 24


class _Item(NamedTuple):
    mark: int
    """The column of its mark in the source."""
    text: int
    """The column of its text on the screen."""


class MarkdownStream:
    """Takes Markdown in pieces of any size.

    Args:
        width: of the terminal, in cells. It may change at any time; tables that are not finished
            are laid out for the new one.
        marks: what to draw with.
    """

    def __init__(self, width: int, marks: Glyphs = UNICODE_GLYPHS) -> None:
        self.width = width
        self._marks = marks
        self._settled: list[Piece] = []
        self._began = False
        self._blank = False
        """Whether an empty line stands between what was given out and what comes next."""
        self._blank_quotes = 0
        """How many quotes that line stands in."""
        self._line = ""
        """The line that has begun, as long as it is not known what it is."""
        self._flow: Callable[[str], list[Piece]] | None = None
        """Takes the rest of the line that has begun, once that is known."""
        self._item_column: int | None = None
        """Where in the source the text of the item begins that this line has begun with."""
        self._inline: Inline | None = None
        """The paragraph that the next line may belong to."""
        self._quotes = 0
        self._items: list[_Item] = []
        self._fence: Fence | None = None
        self._heading_row: str | None = None
        """A line that is the head of a table if the next one says so."""
        self._table: Table | None = None
        self.code_blocks: list[list[str]] = []
        """The source of each code block so far, in pieces."""
        self._blank_lines = -1
        """How many have come since the last line of indented code; -1 if other text has."""

    def feed(self, text: str) -> None:
        """Takes more text."""
        *lines, rest = text.split("\n")
        for line in lines:
            self._add(line)
            self._end_line()
        self._add(rest)

    def finish(self) -> None:
        """No more text will come."""
        if self._line or self._flow:
            self._end_line()
        self._end_block()
        self._close_fence()

    def take(self) -> list[Piece]:
        """Returns what has become final since the last time."""
        taken, self._settled = self._settled, []
        return [piece for piece in taken if piece[0]]

    def tail(self) -> list[Piece]:
        """Returns what comes after all that was taken, as far as that can be told by now."""
        pieces = self._inline.tail() if self._inline else []
        if self._heading_row is not None:
            pieces += self._heading_tail(self._heading_row)
        elif self._table:
            pieces += self._table_tail(self._table)
        elif self._fence:
            pieces += self._code_tail(self._fence)
        elif self._line.lstrip().startswith("|"):
            pieces += self._heading_tail(self._line)
        elif self._line:
            pieces += self._line_tail()
        return pieces

    # Lines of the source

    def _add(self, text: str) -> None:
        if not text:
            return
        if self._flow:
            self._settled += self._flow(text)
            return
        self._line += text
        self._decide(complete=False)

    def _end_line(self) -> None:
        if not self._flow:
            self._decide(complete=True)
        if self._flow == self._long_code:
            self.code_blocks[-1].append("\n")
        if self._inline and self._inline.one_line:
            self._end_block()
        self._flow, self._item_column, self._line = None, None, ""

    def _decide(self, *, complete: bool) -> None:
        """Does what the line asks for, once that is known."""
        while self._decided(complete):
            pass  # what follows the mark of an item can be anything that a line can begin with
        if self._flow:
            self._line = ""

    def _decided(self, complete: bool) -> bool:
        """Does the same, and returns whether it was the mark of an item, and more follows."""
        quotes, content = self._unquoted(complete)
        if quotes is None:
            return False
        if self._fence and quotes >= self._quotes:
            self._code(self._fence, content, complete)
            return False
        indent, content = indented(content)
        indent += self._item_column or 0
        if not (content or complete) or self._goes_on(quotes, content, complete):
            return False
        return self._start(quotes, indent, content, complete)

    def _unquoted(self, complete: bool) -> tuple[int | None, str]:
        """Returns how many quotes the line stands in, None if that is open, and what is in them."""
        if self._item_column is not None or (self._fence and not self._quotes):
            return self._quotes, self._line
        found = quotes_of(self._quotes if self._fence else DEEPEST).match(self._line)
        if not found:
            return 0, self._line
        if found.end() == len(self._line) and not complete:
            return None, ""
        return found.group().count(">"), self._line[found.end() :]

    def _goes_on(self, quotes: int, content: str, complete: bool) -> bool:
        """Whether the line belongs to a table, or may do so yet."""
        if quotes != self._quotes:
            return False
        if self._heading_row is not None:
            return self._second_row(self._heading_row, content, complete)
        if not self._table:
            return False
        if not content.startswith("|"):
            self._end_block()
            return False
        if complete:
            self._row(self._table, content)
        return True

    def _start(self, quotes: int, indent: int, content: str, complete: bool) -> bool:
        """Begins what the line begins with; returns what `_decided` does."""
        if not complete and is_undecided(content):
            return False
        whole = complete and len(content) <= LONG
        if quotes != self._quotes or self._fence:
            self._end_block()
            self._close_fence()
            self._items, self._quotes, self._blank_lines = [], quotes, -1
        if not content:
            self._end_block()
            self._blank, self._blank_quotes = self._began, quotes
            self._blank_lines += self._blank_lines >= 0
            return False
        blank_lines, self._blank_lines = self._blank_lines, -1
        if indent >= 4 and not self._items and not self._inline:
            self._verbatim(" " * (indent - 4) + content, blank_lines)
        elif heading := HEADING.match(content):
            self._heading(indent, len(heading.group(1)), content[heading.end() :])
        elif whole and (fence := FENCE.fullmatch(content)):
            self._open_fence(indent, fence.group(1), fence.group(2).strip())
        elif whole and RULE.fullmatch(content):
            self._rule(indent)
        elif item := self._item_mark(indent, content):
            self._item(indent, item.group(1), item.end(), content[item.end() :])
            return bool(self._line)
        elif content.startswith("|"):
            if not self._inline:
                self._leave_items(indent)
            self._heading_row = content
        else:
            self._text(indent, content)
        return False

    # What a line can be

    def _text(self, indent: int, content: str) -> None:
        if not self._inline:
            self._leave_items(indent)
        self._flow = self._paragraph().feed
        self._settled += self._flow(content)

    def _paragraph(self) -> Inline:
        """Returns the paragraph, at the beginning of its first or its next line."""
        if self._inline:
            indent = "".join(text for text, _ in self._prefix())
            self._settled += self._inline.feed("\n" + indent)
        else:
            self._begin_line()
            self._inline = Inline()
        return self._inline

    def _heading(self, indent: int, level: int, content: str) -> None:
        self._end_block()
        self._leave_items(indent)
        self._begin_line()
        self._inline = Inline(f"heading h{level}", one_line=True)
        self._flow = self._inline.feed
        self._settled += self._flow(content)

    def _rule(self, indent: int) -> None:
        self._end_block()
        self._leave_items(indent)
        self._begin_line()
        self._settled.append((self._marks.line * _RULE_LENGTH, "rule"))

    def _verbatim(self, content: str, blank_lines: int) -> None:
        if blank_lines < 0:
            self.code_blocks.append([])
        self.code_blocks[-1] += ["\n"] * blank_lines
        self._blank_lines = 0
        self._begin_line()
        self._flow = self._long_code
        self._settled += self._flow(content)

    def _item_mark(self, indent: int, content: str) -> re.Match[str] | None:
        found = ITEM.match(content)
        if sum(item.mark + 2 <= indent for item in self._items) >= DEEPEST:
            return None
        if found and self._inline and not self._items:
            # In the middle of a paragraph "1986. " is the end of a sentence.
            interrupts = found.group(1)[0] in "-+*1" and found.group(1)[1:] in ("", ".", ")")
            return found if interrupts and found.group(2) else None
        return found

    def _item(self, indent: int, mark: str, length: int, content: str) -> None:
        self._end_block()
        self._leave_items(indent)
        self._begin_line()
        shown = self._marks.bullet if mark in "-+*" else mark
        self._settled.append((f"{shown} ", "mark"))
        column = (self._items[-1].text if self._items else 0) + len(shown) + 1
        self._items.append(_Item(indent, column))
        self._item_column, self._line = indent + length, content

    def _leave_items(self, indent: int) -> None:
        while self._items and indent < self._items[-1].mark + 2:
            self._items.pop()

    # Code

    def _open_fence(self, indent: int, mark: str, info: str) -> None:
        self._end_block()
        self._leave_items(indent)
        self._settled += [*self._lead()[:1], (self._fence_line(info), "fence")]
        self._began, self._blank = True, False
        self._fence = Fence(mark, indent, info)
        self.code_blocks.append([])

    def _fence_line(self, info: str) -> str:
        return f"{self._marks.line * 3} {info}".rstrip()

    def _close_fence(self) -> None:
        if self._fence:
            self._fence = None
            self._settled += [("\n", ""), (self._fence_line(""), "fence")]

    def _code(self, fence: Fence, content: str, complete: bool) -> None:
        code = fence.stripped(content)
        if complete:
            if fence.is_closed_by(content):
                self._close_fence()
            else:
                self._settled += [("\n", ""), *fence.coloured(code)]
                self.code_blocks[-1] += [code, "\n"]
        elif not (fence.may_be_closed_by(content) or fence.colours(code)):
            self._flow = self._long_code
            self._settled += [("\n", ""), *self._flow(code)]

    def _long_code(self, text: str) -> list[Piece]:
        """Take part of a line of code."""
        self.code_blocks[-1].append(text)
        return [(text, "")]

    def _code_tail(self, fence: Fence) -> list[Piece]:
        quotes, content = self._unquoted(complete=False)
        if self._flow or quotes is None or fence.may_be_closed_by(content):
            return []
        return [("\n", ""), *fence.peek(fence.stripped(content))]

    # Tables

    def _second_row(self, heading: str, content: str, complete: bool) -> bool:
        """Whether the line makes a table of the one before, or may do so yet."""
        if not complete and not content.strip("|:- "):
            return True
        aligned = alignments(content) if complete else []
        if len(aligned) != len(row(heading)):
            self._end_heading_row()
            return False
        self._heading_row = None
        self._end_block()
        self._table = Table(row(heading), aligned, self._marks)
        return True

    def _heading_tail(self, line: str) -> list[Piece]:
        """Returns the line as the head of a table, which it will hardly not be."""
        headings = row(_end(line))
        table = Table(headings, [""] * len(headings), self._marks)
        return [*self._lead(), *table.lines(10**6)[0]]

    def _end_heading_row(self) -> None:
        """The line is text."""
        heading, self._heading_row = self._heading_row, None
        if heading is not None:
            self._settled += self._paragraph().feed(heading)

    def _row(self, table: Table, content: str) -> None:
        table.add(row(content))
        self._settle_rows(table.take(self._room))

    def _settle_rows(self, lines: list[Cell]) -> None:
        for line in lines:
            self._settled += [*self._lead(), *line]
            self._began, self._blank = True, False

    def _table_tail(self, table: Table) -> list[Piece]:
        _, line = self._unquoted(complete=False)
        lines = table.lines(self._room, cells(_end(line)) if line.strip() else ())
        between: list[Piece] = [("\n", ""), *self._prefix()]
        pieces = [piece for line in lines for piece in (*between, *line)]
        return [*self._lead(), *pieces[len(between) :]]

    @property
    def _room(self) -> int:
        """How many cells there are for a table."""
        return max(self.width - sum(len(text) for text, _ in self._prefix()), 1)

    # What lines begin with and end with

    def _lead(self) -> list[Piece]:
        """Returns what comes before the next block."""
        if self._item_column is not None:
            return []
        if self._blank:
            return [("\n" + ">" * self._blank_quotes + "\n", "quote"), *self._prefix()]
        return [("\n" if self._began else "", ""), *self._prefix()]

    def _prefix(self) -> list[Piece]:
        indent = self._items[-1].text if self._items else 0
        return [("> " * self._quotes, "quote"), (" " * indent, "")]

    def _begin_line(self) -> None:
        self._settled += self._lead()
        self._began, self._blank = True, False

    def _line_tail(self) -> list[Piece]:
        """Returns the line that has begun. A mark alone is shown once it turns out to be text."""
        line = _end(self._line.strip())
        if line.startswith(("```", "~~~")):
            return [*self._lead()[:1], (self._fence_line(line.strip("`~ ")), "fence")]
        return [*self._lead(), (line, "")] if any(map(str.isalnum, line)) else []

    def _end_block(self) -> None:
        self._end_heading_row()
        if self._inline:
            self._settled += self._inline.feed("", final=True)
            self._inline = None
        if self._table:
            self._settle_rows(self._table.take(self._room, whole=True))
            self._table = None


def _end(line: str) -> str:
    """Returns as much of a line that is not final as is looked at anew for each frame."""
    return line[-LONG:]
