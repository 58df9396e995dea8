"""How long work on a model is reported, whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

Advance: TypeAlias = Callable[[int], None]
"""Called with the number of bytes done since the last call."""
Progress: TypeAlias = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Called with what is being done and how many bytes it is in all, None if unknown."""


def silent(what: str, total: int | None = None) -> AbstractContextManager[Advance]:
    """Shows nothing."""
    return nullcontext(lambda done: None)
