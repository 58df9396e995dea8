"""The blocks of a Markdown text, read line by line.

The rules are CommonMark's, plus GitHub's tables, changed so that lines rarely wait for later ones:

- Line breaks in a paragraph are kept, as in chats.
- Of paragraphs, only a short line becomes a heading if it is underlined. `---` below any other is a
  rule; a lone `-` is an item.
- The rows of a table have a bar at their beginning, or soon after it.
- Items keep their numbers, and nest if they are indented by two columns or more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from streamchat.view.markdown.handler import BlockHandler
from streamchat.view.markdown.items import Nesting
from streamchat.view.markdown.syntax import (
    FENCE,
    HEADING,
    ITEM,
    MAX_AMBIGUOUS,
    MAX_DEPTH,
    MAX_LABEL,
    RULE,
    TASK,
    UNDERLINE,
    Fence,
    is_row,
    is_undecided,
    may_be_row,
    may_underline,
    read_alignments,
    split_indent,
    split_row,
    strip_indent,
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
        self._held: str | None = None
        """A line of text that the next line can make a heading, or the header of a table."""
        self._nesting = Nesting()
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
        if self._held is not None and self._open and not is_row(self._held):
            self._release()
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
        quotes, line = self._strip_quotes(complete)
        if quotes is None:
            return False
        stays = self._stays_in(quotes)
        if self._fence and stays:
            self._handle_code(self._fence, line, complete)
            return False
        indent, content = split_indent(line, self._item_column or 0)
        if not (content or complete):
            return False
        if not stays:
            self._end_block()
        if self._held is not None and self._finish_held(self._held, indent, content, complete):
            return False
        return self._begin_block(quotes, line, complete)

    def _strip_quotes(self, complete: bool) -> tuple[int | None, str]:
        """Return how many quotes the line is in, None if that is undecided, and the rest of it."""
        if self._item_column is not None or (self._fence and not self._nesting.quotes):
            return self._nesting.quotes, self._line
        limit = self._nesting.quotes if self._fence else MAX_DEPTH
        quotes, rest, decided = self._nesting.strip_quotes(self._line, limit)
        return (quotes, rest) if decided or complete else (None, "")

    def _stays_in(self, quotes: int) -> bool:
        """Whether the line, which is in this many quotes, is in the open ones."""
        indent, _ = split_indent(self._line)
        return self._item_column is not None or self._nesting.holds(quotes, indent)

    def _begin_block(self, quotes: int, line: str, complete: bool) -> bool:
        """Begin the block that the line begins with; return what `_handle_line` does."""
        indent, content = split_indent(line, self._item_column or 0)
        if not complete and is_undecided(content):
            return False
        if self._fence or not self._stays_in(quotes):
            self._end_block()
            self._end_fence()
            self._nesting.switch(quotes, split_indent(self._line)[0])
            self._blank_lines = None
        if not content:
            self._handle_blank_line(quotes)
            return False
        if self._is_indented_code(indent, content):
            self._handle_indented_code(indent, line)
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
            self._handle_item(indent, item, content[item.end() :])
            return bool(self._line)
        elif not self._continue_table(indent, content, complete):
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
            self._nesting.items.leave(indent)
        if self._open:
            self.continue_paragraph()
        else:
            self.begin_line()
        if self._item_column is None or content.startswith("|"):
            self._begin_flow(self._hold, content)
        else:
            self._begin_paragraph()
            self._begin_flow(self.add_text, content)

    def _begin_paragraph(self) -> None:
        if not self._open:
            self._open = "paragraph"
            self.begin_text(0)

    def _begin_flow(self, flow: Callable[[str], None], content: str) -> None:
        self._flow = flow
        flow(content)

    def _handle_heading(self, indent: int, level: int, content: str) -> None:
        self._end_block()
        self._nesting.items.leave(indent)
        self._open = "heading"
        self.begin_line()
        self.begin_text(level)
        self._begin_flow(self.add_text, content)

    def _handle_rule(self, indent: int) -> None:
        self._end_block()
        self._nesting.items.leave(indent)
        self.begin_line()
        self.add_rule()

    def _match_item(self, indent: int, content: str) -> re.Match[str] | None:
        found = ITEM.match(content)
        if self._nesting.items.count(indent) >= MAX_DEPTH:
            return None
        if found and self._open == "paragraph" and not self._nesting.items:
            # "1986. " in the middle of a paragraph ends a sentence.
            interrupts = found.group(1)[0] in "-+*1" and found.group(1)[1:] in ("", ".", ")")
            return found if interrupts and found.group(2) else None
        return found

    def _handle_item(self, indent: int, found: re.Match[str], content: str) -> None:
        mark, blanks = found.groups()
        task = TASK.match(content)
        self._end_block()
        self._nesting.items.leave(indent)
        self.begin_line()
        self.begin_item(mark, task.group(1) if task else "")
        column, _ = split_indent(blanks or " ", indent + len(mark))
        self._nesting.items.enter(indent, column)
        self._item_column, self._line = column, content
        if task:
            self._line = ""
            self._handle_text(column, content[task.end() :])

    def _end_block(self) -> None:
        self._release()
        if self._open:
            self.end_block()
            self._open = None

    # Lines that the next one can turn into something else

    def _hold(self, text: str) -> None:
        """Add text to a line that is not decided before the next one begins."""
        self._held = (self._held or "") + text
        if not may_be_row(self._held):
            self._release()
            self._flow = self.add_text

    def _release(self) -> None:
        """Treat the line as text after all."""
        held, self._held = self._held, None
        if held is not None:
            self._begin_paragraph()
            self.add_text(held)

    def _finish_held(self, held: str, indent: int, content: str, complete: bool) -> bool:
        """Decide what the held line is; return whether this one belongs to it, or still may."""
        if not complete and may_underline(held, content):
            return True
        if complete and (
            self._begin_table(held, content) or self._underline(held, indent, content)
        ):
            return True
        self._release()
        return False

    def _underline(self, held: str, indent: int, content: str) -> bool:
        """Make the held line a heading if this one underlines it; return whether it does."""
        found = UNDERLINE.fullmatch(content) if len(content) <= MAX_AMBIGUOUS else None
        items = self._nesting.items
        near = items.hold(indent) and indent < items.find_code_column(indent)
        if not found or not near or self._open or len(held) > MAX_LABEL:
            return False
        self._held, self._open = None, "heading"
        self.begin_text(1 if found.group(1) else 2)
        self.add_text(held.rstrip())
        return True

    # Tables

    def _begin_table(self, header: str, content: str) -> bool:
        """Begin a table if the line is the header's delimiter row; return whether it is."""
        headers, alignments = split_row(header), read_alignments(content)
        if len(alignments) != len(headers) or not is_row(header):
            return False
        self._held = None
        self._end_block()
        self._open = "table"
        self.begin_table(headers, alignments)
        return True

    def _continue_table(self, indent: int, content: str, complete: bool) -> bool:
        """Add the line to the table if it belongs to one; return whether it does or still may."""
        if self._open != "table":
            return False
        inside = content.startswith("|") or self._nesting.items.hold(indent)
        if not inside or not (is_row(content) if complete else may_be_row(content)):
            self._end_block()
            return False
        if complete:
            self.add_row(split_row(content))
        return True

    # Code

    def _is_indented_code(self, indent: int, content: str) -> bool:
        if self._open or indent < self._nesting.items.find_code_column(indent):
            return False
        # A fence is meant as one, however far it is indented in an item.
        return not (self._nesting.items and FENCE.match(content[:MAX_AMBIGUOUS]))

    def _handle_indented_code(self, indent: int, line: str) -> None:
        items = self._nesting.items
        code = strip_indent(line, items.find_code_column(indent), self._item_column or 0)
        if items.leave(indent):
            self._blank_lines = None
        self.begin_line()
        if self._blank_lines is None:
            self.begin_indented_code()
        for _ in range(self._blank_lines or 0):
            self.end_code_line()
        self._blank_lines = 0
        self._begin_flow(self.add_code, code)

    def _begin_fence(self, indent: int, mark: str, info: str) -> None:
        self._end_block()
        self._nesting.items.leave(indent)
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
                self.begin_code_line(blank=not code)
                self.add_code_line(code)
        elif not (fence.may_be_closed_by(content) or self.needs_whole_line(code)):
            self.begin_code_line(blank=False)
            self._begin_flow(self.add_code, code)
