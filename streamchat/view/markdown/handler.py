"""The parts of the blocks in a Markdown text."""

from __future__ import annotations

from collections.abc import Sequence


class BlockHandler:
    """Base class with a method for each part, called as it arrives. Subclasses override some."""

    def begin_line(self) -> None:
        """A paragraph, heading, item, rule or line of indented code begins on a line of its own."""

    def begin_text(self, heading: int) -> None:
        """A paragraph begins, or a heading of this level."""

    def continue_paragraph(self) -> None:
        """The paragraph goes on in the next line."""

    def add_text(self, text: str) -> None:
        """Text of a paragraph or heading."""

    def add_rule(self) -> None:
        """A rule."""

    def begin_item(self, mark: str) -> None:
        """An item with this bullet or number."""

    def begin_table(self, headings: Sequence[str], alignments: Sequence[str]) -> None:
        """A table, with the source of its headings."""

    def add_row(self, cells: Sequence[str]) -> None:
        """A row, with the source of its cells."""

    def end_block(self) -> None:
        """The paragraph, heading or table ends."""

    def add_blank_line(self, quotes: int) -> None:
        """An empty line inside this many quotes."""

    def open_fence(self, info: str) -> None:
        """A fenced code block."""

    def needs_whole_line(self, code: str) -> bool:
        """Whether a line of fenced code that begins like this is wanted only when complete."""
        return False

    def begin_code_line(self) -> None:
        """A line of fenced code."""

    def begin_indented_code(self) -> None:
        """A block of indented code."""

    def add_code(self, text: str) -> None:
        """Part of a line of code."""

    def add_code_line(self, code: str) -> None:
        """A complete line of fenced code."""

    def end_code_line(self) -> None:
        """The end of a line of code that came in parts."""

    def close_fence(self) -> None:
        """The end of a fenced code block."""
