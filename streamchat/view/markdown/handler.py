"""What a Markdown parser reports: the blocks of a text, part by part."""

from __future__ import annotations

from collections.abc import Sequence


class BlockHandler:
    """Base class with a method for each part, called as it arrives; override those of interest."""

    def begin_line(self) -> None:
        """Begin a new line, on which any block but fenced code follows."""

    def begin_text(self, heading: int) -> None:
        """Begin a heading of this level, or a paragraph if that is 0."""

    def continue_paragraph(self) -> None:
        """Continue the paragraph on its next line, which can still become a table's header."""

    def add_text(self, text: str) -> None:
        """Add text to the paragraph or heading."""

    def add_rule(self) -> None:
        """Add a thematic break."""

    def begin_item(self, mark: str, box: str) -> None:
        """Begin a list item.

        Args:
            mark: the bullet or number.
            box: what the box of a task contains, `x` or a space; empty if the item has no box.
        """

    def begin_table(self, headers: Sequence[str], alignments: Sequence[str]) -> None:
        """Begin a table, given the source of its header cells."""

    def add_row(self, cells: Sequence[str]) -> None:
        """Add a row, given the source of its cells."""

    def end_block(self) -> None:
        """End the paragraph, heading or table."""

    def add_blank_line(self, quotes: int) -> None:
        """Add an empty line inside this many quotes."""

    def open_fence(self, info: str) -> None:
        """Begin a fenced code block; `info` usually names the language."""

    def needs_whole_line(self, code: str) -> bool:
        """Whether a line of fenced code that begins like this is wanted only when complete."""
        return False

    def begin_code_line(self, *, blank: bool) -> None:
        """Begin a line of fenced code, which may be blank."""

    def begin_indented_code(self) -> None:
        """Begin a block of indented code."""

    def add_code(self, text: str) -> None:
        """Add part of a line of code."""

    def add_code_line(self, code: str) -> None:
        """Add a whole line of fenced code."""

    def end_code_line(self) -> None:
        """End a line of code that came in parts."""

    def close_fence(self) -> None:
        """End the fenced code block."""
