"""Text that arrives in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload


class Pieces(Sequence[str]):
    """An immutable sequence of pieces of text that can be appended to in constant time.

    A sequence shares its list with those appended to it, and sees only its own part of the list.
    Appending n pieces takes linear time; copying a tuple each time would take quadratic time.
    """

    __slots__ = ("_length", "_pieces", "characters")

    def __init__(self, pieces: Sequence[str] = ()) -> None:
        self._pieces = list(pieces)
        self._length = len(self._pieces)
        self.characters = sum(map(len, self._pieces))
        """The number of characters in all pieces."""

    def append(self, piece: str) -> Pieces:
        """Return a sequence with one more piece."""
        longer = Pieces.__new__(Pieces)
        is_newest = self._length == len(self._pieces)
        longer._pieces = self._pieces if is_newest else self._pieces[: self._length]
        longer._pieces.append(piece)
        longer._length = self._length + 1
        longer.characters = self.characters + len(piece)
        return longer

    @property
    def text(self) -> str:
        """The pieces joined."""
        return "".join(self)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._pieces[at] for at in range(*index.indices(self._length))]
        return self._pieces[range(self._length)[index]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces[: self._length])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pieces) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"Pieces({list(self)!r})"
