"""The times of a batch of events, as the store keeps them: two or three bytes each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate, pairwise


def encode_times(times: Sequence[int | None]) -> str | None:
    """Return times as a JSON array: the first, then how much later each is than the one before.

    None if any is unknown.
    """
    known = [each for each in times if each is not None]
    if len(known) < len(times):
        return None
    steps = [after - before for before, after in pairwise([0, *known])]
    return json.dumps(steps, separators=(",", ":"))


def decode_times(text: str | None, count: int) -> Sequence[int | None]:
    """Return the times of a batch of so many events; each is None if `text` does not tell them.

    It tells none in a store of an earlier version, and may be damaged.
    """
    try:
        steps = json.loads(text or "")
    except (ValueError, RecursionError):
        steps = None
    is_whole = isinstance(steps, list) and len(steps) == count
    if not is_whole or not all(type(step) is int for step in steps):
        return [None] * count
    return list(accumulate(steps))
