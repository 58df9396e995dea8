"""The blocks of a Markdown text, read line by line.

They are CommonMark's and GitHub's tables, except that no line waits for a later one to be read:

- Line breaks in a paragraph are kept, as chats do.
- `---` below a paragraph is a rule, not a heading.
- The rows of a table begin with a bar.
- Items keep their numbers, and nest if they are indented by two columns or more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from streamchat.view.markdown.handler import BlockHandler
from streamchat.view.markdown.syntax import (
    DEEPEST,
    FENCE,
    HEADING,
    ITEM,
    LONG,
    RULE,
    Fence,
    is_undecided,
    quotes_of,
    read_alignments,
    split_indent,
    split_row,
)


class BlockParser(BlockHandler):
    """Takes Markdown in pieces of any size and calls its handler's methods as it goes."""

    def __init__(self) -> None:
        self._line = ""
        """The current line, while it is undecided what it is."""
        self._flow: Callable[[str], None] | None = None
        """Takes the rest of the current line, once that is decided."""
        self._item_column: int | None = None
        """The source column of the text of an item that the current line began."""
        self._open: Literal["paragraph", "heading", "table"] | None = None
        """The block that more text can belong to."""
        self._heading_row: str | None = None
        """A line that heads a table if the next one is a delimiter row."""
        self._quotes = 0
        self._items: list[int] = []
        """The columns of the marks of the items that are open."""
        self._fence: Fence | None = None
        self._blank_lines: int | None = None
        """How many followed the last line of indented code; None if another block did."""

    def feed(self, text: str) -> None:
        """Take more text."""
        *lines, rest = text.split("\n")
        for line in lines:
            self._add(line)
            self._end_line()
        self._add(rest)

    def finish(self) -> None:
        """Take the end of the text."""
        if self._line or self._flow:
            self._end_line()
        self._end_block()
        self._end_fence()

    # Lines

    def _add(self, text: str) -> None:
        if not text:
            return
        if self._flow:
            self._flow(text)
            return
        self._line += text
        self._decide(complete=False)

    def _end_line(self) -> None:
        if not self._flow:
            self._decide(complete=True)
        if self._flow == self.add_code:
            self.end_code_line()
        if self._open == "heading":
            self._end_block()
        self._flow, self._item_column, self._line = None, None, ""

    def _decide(self, *, complete: bool) -> None:
        """Handle the current line, once it is clear what it is."""
        while self._begins_item(complete):
            pass  # an item can begin with any block
        if self._flow:
            self._line = ""

    def _begins_item(self, complete: bool) -> bool:
        """Handle the line; return whether that was an item's mark, with more text after it."""
        quotes, content = self._strip_quotes(complete)
        if quotes is None:
            return False
        if self._fence and quotes >= self._quotes:
            self._code(self._fence, content, complete)
            return False
        indent, content = split_indent(content)
        indent += self._item_column or 0
        if not (content or complete) or self._continues_table(quotes, content, complete):
            return False
        return self._begin_block(quotes, indent, content, complete)

    def _strip_quotes(self, complete: bool) -> tuple[int | None, str]:
        """Return how many quotes the line is in, or None while unknown, and the rest of it."""
        if self._item_column is not None or (self._fence and not self._quotes):
            return self._quotes, self._line
        found = quotes_of(self._quotes if self._fence else DEEPEST).match(self._line)
        if not found:
            return 0, self._line
        if found.end() == len(self._line) and not complete:
            return None, ""
        return found.group().count(">"), self._line[found.end() :]

    def _begin_block(self, quotes: int, indent: int, content: str, complete: bool) -> bool:
        """Begin the block that the line begins with; return what `_begins_item` does."""
        if not complete and is_undecided(content):
            return False
        if quotes != self._quotes or self._fence:
            self._end_block()
            self._end_fence()
            self._items, self._quotes, self._blank_lines = [], quotes, None
        if not content:
            self._blank_line(quotes)
            return False
        if indent >= 4 and not self._items and not self._open:
            self._indented_code(" " * (indent - 4) + content)
            return False
        self._blank_lines = None
        whole = complete and len(content) <= LONG
        if heading := HEADING.match(content):
            self._heading(indent, len(heading.group(1)), content[heading.end() :])
        elif whole and (fence := FENCE.fullmatch(content)):
            self._begin_fence(indent, fence.group(1), fence.group(2).strip())
        elif whole and RULE.fullmatch(content):
            self._rule(indent)
        elif item := self._match_item(indent, content):
            self._item(indent, item.group(1), item.end(), content[item.end() :])
            return bool(self._line)
        elif content.startswith("|"):
            if not self._open:
                self._leave_items(indent)
            self._heading_row = content
        else:
            self._text(indent, content)
        return False

    # Blocks

    def _blank_line(self, quotes: int) -> None:
        self._end_block()
        self.add_blank_line(quotes)
        if self._blank_lines is not None:
            self._blank_lines += 1

    def _text(self, indent: int, content: str) -> None:
        if not self._open:
            self._leave_items(indent)
        self._begin_paragraph_line()
        self._begin_flow(self.add_text, content)

    def _begin_paragraph_line(self) -> None:
        if self._open:
            self.continue_paragraph()
        else:
            self._open = "paragraph"
            self.begin_line()
            self.begin_text(0)

    def _begin_flow(self, flow: Callable[[str], None], content: str) -> None:
        self._flow = flow
        flow(content)

    def _heading(self, indent: int, level: int, content: str) -> None:
        self._end_block()
        self._leave_items(indent)
        self._open = "heading"
        self.begin_line()
        self.begin_text(level)
        self._begin_flow(self.add_text, content)

    def _rule(self, indent: int) -> None:
        self._end_block()
        self._leave_items(indent)
        self.begin_line()
        self.add_rule()

    def _match_item(self, indent: int, content: str) -> re.Match[str] | None:
        found = ITEM.match(content)
        if sum(column + 2 <= indent for column in self._items) >= DEEPEST:
            return None
        if found and self._open and not self._items:
            # "1986. " in the middle of a paragraph ends a sentence.
            interrupts = found.group(1)[0] in "-+*1" and found.group(1)[1:] in ("", ".", ")")
            return found if interrupts and found.group(2) else None
        return found

    def _item(self, indent: int, mark: str, length: int, content: str) -> None:
        self._end_block()
        self._leave_items(indent)
        self.begin_line()
        self.begin_item(mark)
        self._items.append(indent)
        self._item_column, self._line = indent + length, content

    def _leave_items(self, indent: int) -> None:
        while self._items and indent < self._items[-1] + 2:
            self._items.pop()

    def _end_block(self) -> None:
        self._end_heading_row()
        if self._open:
            self.end_block()
            self._open = None

    # Tables

    def _continues_table(self, quotes: int, content: str, complete: bool) -> bool:
        """Whether the line belongs to a table, or still may."""
        if quotes != self._quotes:
            return False
        if self._heading_row is not None:
            return self._is_delimiter_row(self._heading_row, content, complete)
        if self._open != "table":
            return False
        if not content.startswith("|"):
            self._end_block()
            return False
        if complete:
            self.add_row(split_row(content))
        return True

    def _is_delimiter_row(self, heading: str, content: str, complete: bool) -> bool:
        """Whether the line makes a table of the one before, or still may."""
        if not complete and not content.strip("|:- "):
            return True
        headings = split_row(heading)
        alignments = read_alignments(content) if complete else []
        if len(alignments) != len(headings):
            self._end_heading_row()
            return False
        self._heading_row = None
        self._end_block()
        self._open = "table"
        self.begin_table(headings, alignments)
        return True

    def _end_heading_row(self) -> None:
        """Take the line for text, after all."""
        heading, self._heading_row = self._heading_row, None
        if heading is not None:
            self._begin_paragraph_line()
            self.add_text(heading)

    # Code

    def _indented_code(self, content: str) -> None:
        self.begin_line()
        if self._blank_lines is None:
            self.begin_indented_code()
        for _ in range(self._blank_lines or 0):
            self.end_code_line()
        self._blank_lines = 0
        self._begin_flow(self.add_code, content)

    def _begin_fence(self, indent: int, mark: str, info: str) -> None:
        self._end_block()
        self._leave_items(indent)
        self.open_fence(info)
        self._fence = Fence(mark, indent)

    def _end_fence(self) -> None:
        if self._fence:
            self._fence = None
            self.close_fence()

    def _code(self, fence: Fence, content: str, complete: bool) -> None:
        code = fence.strip_indent(content)
        if complete:
            if fence.is_closed_by(content):
                self._end_fence()
            else:
                self.begin_code_line()
                self.add_code_line(code)
        elif not (fence.may_be_closed_by(content) or self.needs_whole_line(code)):
            self.begin_code_line()
            self._begin_flow(self.add_code, code)
