"""The list items that a line of Markdown is in."""

from __future__ import annotations


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
