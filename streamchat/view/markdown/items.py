"""The list items and quotes that a line of Markdown is in."""

from __future__ import annotations

from streamchat.view.markdown.syntax import compile_quotes, split_indent


class Items:
    """The open items, by the source columns of their markers and of their text."""

    def __init__(self) -> None:
        self._columns: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._columns)

    def enter(self, mark: int, text: int) -> None:
        """Add an item inside the others."""
        self._columns.append((mark, text))

    def leave(self, indent: int) -> bool:
        """Close the items that a line with this indentation is not in; return whether any was."""
        before = len(self)
        del self._columns[self.count(indent) :]
        return len(self) < before

    def count(self, indent: int) -> int:
        """Return how many of the items a line with this indentation is in."""
        return sum(mark + 2 <= indent for mark, _ in self._columns)

    def hold(self, indent: int) -> bool:
        """Whether a line with this indentation is in all of the items."""
        return self.count(indent) == len(self)

    def find_code_column(self, indent: int) -> int:
        """Return the column where code begins among the lines of the item that this one is in."""
        count = self.count(indent)
        return (self._columns[count - 1][1] if count else 0) + 4


class Nesting:
    """The open quotes, the items around them, and the items inside."""

    def __init__(self) -> None:
        self.around = Items()
        """None without a quote."""
        self.quotes = 0
        self.items = Items()

    def strip_quotes(self, line: str, limit: int) -> tuple[int, str, bool]:
        """Return how many quotes a line is in, the rest of it, and whether that is decided.

        Args:
            line: as far as it has arrived.
            limit: how many quotes it can be in.
        """
        indent, content = split_indent(line)
        found = compile_quotes(limit).match(content)
        if not found or indent >= self._outer.find_code_column(indent):
            return 0, line, True
        return found.group().count(">"), content[found.end() :], found.end() < len(content)

    def holds(self, quotes: int, indent: int) -> bool:
        """Whether a line in this many quotes, which are indented like this, is in the open ones."""
        return quotes == self.quotes and (not quotes or self.around.hold(indent))

    def switch(self, quotes: int, indent: int) -> None:
        """Leave the open quotes, and enter those of a line; it stays in the items around them."""
        outer, inner = self._outer, Items()
        if quotes:
            outer.leave(indent)
        self.around, self.items = (outer, inner) if quotes else (inner, outer)
        self.quotes = quotes

    @property
    def _outer(self) -> Items:
        """The items that are not in a quote."""
        return self.around if self.quotes else self.items
