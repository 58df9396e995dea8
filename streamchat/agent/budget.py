"""Cuts a history to what a model may be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def take_newest(items: Sequence[_T], budget: int, count: Callable[[_T], int]) -> list[_T]:
    """Return the newest items that fit into the budget.

    Counting back from the newest, the first that does not fit is left out together with everything
    before it.

    Args:
        items: the oldest first.
        budget: the most characters in all of them.
        count: returns how many an item has.
    """
    first = len(items)
    while first and (budget := budget - count(items[first - 1])) >= 0:
        first -= 1
    return list(items[first:])
