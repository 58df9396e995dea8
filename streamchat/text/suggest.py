"""Finds the name that a mistyped one may stand for."""

from __future__ import annotations

from collections.abc import Iterable

_CUTOFF = 0.7
"""The similarity, from 0 to 1, above which a name is worth suggesting."""


def find_closest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that is most like the name; None if none is close."""
    from difflib import get_close_matches  # rarely needed

    return next(iter(get_close_matches(name, candidates, 1, _CUTOFF)), None)
