"""Long work on a model, such as a download: how its progress is shown."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

Advance: TypeAlias = Callable[[int], None]
"""Called with the number of bytes processed since the last call."""
Progress: TypeAlias = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Called with a description of the work and its size in bytes, or None if unknown."""


def ignore_progress(what: str, total: int | None = None) -> AbstractContextManager[Advance]:
    """Report nothing."""
    return nullcontext(lambda done: None)
