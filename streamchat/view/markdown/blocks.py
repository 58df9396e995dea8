"""The blocks of a Markdown text, read line by line.

The rules are CommonMark's, plus GitHub's tables, changed so that lines rarely wait for later ones:

- Line breaks in a paragraph are kept, as in chats.
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
    FENCE,
    HEADING,
    ITEM,
    MAX_AMBIGUOUS,
    MAX_DEPTH,
    RULE,
    Fence,
    compile_quotes,
    is_undecided,
    read_alignments,
    split_indent,
    split_row,
)


class BlockParser(BlockHandler):
    """Takes Markdown in pieces of any size, and calls the methods of `BlockHandler` as it goes."""

    def __init__(self) -> None:
        self._line = ""
        """The current line, as long as it is undecided what it is."""
        self._flow: Callable[[str], None] | None = None
        """Takes the rest of the current line, once it is decided what that is."""
        self._item_column: int | None = None
        """The source column of the text in an item that begins on the current line."""
        self._open: Literal["paragraph", "heading", "table"] | None = None
        """The block that the next line can continue."""
        self._header_row: str | None = None
        """A line that is the header of a table if a delimiter row follows."""
        self._quotes = 0
        self._items: list[int] = []
        """The source columns of the open items' markers."""
        self._fence: Fence | None = None
        self._blank_lines: int | None = None
        """How many have followed the last line of indented code; None after any other block."""

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
        while self._handle_line(complete):
            pass  # an item can begin with any block
        if self._flow:
            self._line = ""

    def _handle_line(self, complete: bool) -> bool:
        """Handle the line or, if an item begins, its marker; return whether text follows that."""
        quotes, content = self._strip_quotes(complete)
        if quotes is None:
            return False
        if self._fence and quotes >= self._quotes:
            self._handle_code(self._fence, content, complete)
            return False
        indent, content = split_indent(content)
        indent += self._item_column or 0
        if not (content or complete) or self._continue_table(quotes, content, complete):
            return False
        return self._begin_block(quotes, indent, content, complete)

    def _strip_quotes(self, complete: bool) -> tuple[int | None, str]:
        """Return how many quotes the line is in, None if that is undecided, and the rest of it."""
        if self._item_column is not None or (self._fence and not self._quotes):
            return self._quotes, self._line
        found = compile_quotes(self._quotes if self._fence else MAX_DEPTH).match(self._line)
        if not found:
            return 0, self._line
        if found.end() == len(self._line) and not complete:
            return None, ""
        return found.group().count(">"), self._line[found.end() :]

    def _begin_block(self, quotes: int, indent: int, content: str, complete: bool) -> bool:
        """Begin the block that the line begins with; return what `_handle_line` does."""
        if not complete and is_undecided(content):
            return False
        if quotes != self._quotes or self._fence:
            self._end_block()
            self._end_fence()
            self._items, self._quotes, self._blank_lines = [], quotes, None
        if not content:
            self._handle_blank_line(quotes)
            return False
        if indent >= 4 and not self._items and not self._open:
            self._handle_indented_code(" " * (indent - 4) + content)
            return False
        self._blank_lines = None
        whole = complete and len(content) <= MAX_AMBIGUOUS
        if heading := HEADING.match(content):
            self._handle_heading(indent, len(heading.group(1)), content[heading.end() :])
        elif whole and (fence := FENCE.fullmatch(content)):
            self._begin_fence(indent, fence.group(1), fence.group(2).strip())
        elif whole and RULE.fullmatch(content):
            self._handle_rule(indent)
        elif item := self._match_item(indent, content):
            self._handle_item(indent, item.group(1), item.end(), content[item.end() :])
            return bool(self._line)
        elif content.startswith("|"):
            if not self._open:
                self._leave_items(indent)
            self._header_row = content
        else:
            self._handle_text(indent, content)
        return False

    # Blocks

    def _handle_blank_line(self, quotes: int) -> None:
        self._end_block()
        self.add_blank_line(quotes)
        if self._blank_lines is not None:
            self._blank_lines += 1

    def _handle_text(self, indent: int, content: str) -> None:
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

    def _handle_heading(self, indent: int, level: int, content: str) -> None:
        self._end_block()
        self._leave_items(indent)
        self._open = "heading"
        self.begin_line()
        self.begin_text(level)
        self._begin_flow(self.add_text, content)

    def _handle_rule(self, indent: int) -> None:
        self._end_block()
        self._leave_items(indent)
        self.begin_line()
        self.add_rule()

    def _match_item(self, indent: int, content: str) -> re.Match[str] | None:
        found = ITEM.match(content)
        if sum(column + 2 <= indent for column in self._items) >= MAX_DEPTH:
            return None
        if found and self._open and not self._items:
            # "1986. " in the middle of a paragraph ends a sentence.
            interrupts = found.group(1)[0] in "-+*1" and found.group(1)[1:] in ("", ".", ")")
            return found if interrupts and found.group(2) else None
        return found

    def _handle_item(self, indent: int, mark: str, length: int, content: str) -> None:
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
        self._end_header_row()
        if self._open:
            self.end_block()
            self._open = None

    # Tables

    def _continue_table(self, quotes: int, content: str, complete: bool) -> bool:
        """Add the line to a table if it belongs to one; return whether it does or still may."""
        if quotes != self._quotes:
            return False
        if self._header_row is not None:
            return self._begin_table(self._header_row, content, complete)
        if self._open != "table":
            return False
        if not content.startswith("|"):
            self._end_block()
            return False
        if complete:
            self.add_row(split_row(content))
        return True

    def _begin_table(self, header: str, content: str, complete: bool) -> bool:
        """Begin a table if the line is its delimiter row; return whether it is or still may be."""
        if not complete and not content.strip("|:- "):
            return True
        headers = split_row(header)
        alignments = read_alignments(content) if complete else []
        if len(alignments) != len(headers):
            self._end_header_row()
            return False
        self._header_row = None
        self._end_block()
        self._open = "table"
        self.begin_table(headers, alignments)
        return True

    def _end_header_row(self) -> None:
        """Treat the line as text after all."""
        header, self._header_row = self._header_row, None
        if header is not None:
            self._begin_paragraph_line()
            self.add_text(header)

    # Code

    def _handle_indented_code(self, content: str) -> None:
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

    def _handle_code(self, fence: Fence, content: str, complete: bool) -> None:
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
