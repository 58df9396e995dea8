"""Groups identical failed calls, which a model that has lost its way makes in dozens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from streamchat.turn import Answer, Block, ToolCall


@dataclass(frozen=True, slots=True)
class Repeats:
    """Failed calls that are identical to the one above them.

    `complete` says whether no further ones can follow while the turn goes on.
    """

    call_id: str
    count: int
    complete: bool


ShownBlock: TypeAlias = Block | Repeats


def are_identical_failures(one: ToolCall, other: ToolCall) -> bool:
    """Whether both calls failed with the same name, arguments and error."""
    if not (one.failed and other.failed):
        return False
    return (one.name, one.output, one.fragments.text) == (
        *(other.name, other.output, other.fragments.text),
    )


def count_earlier(blocks: Iterable[Block], call: ToolCall) -> int:
    """Return how many calls before this one, without another between them, failed as it did."""
    count = 0
    for block in blocks:
        if block is call:
            break
        if isinstance(block, ToolCall):
            count = count + 1 if are_identical_failures(block, call) else 0
    return count


def group_repeats(blocks: Iterable[Block]) -> Iterator[ShownBlock]:
    """Yield the blocks, with a `Repeats` in place of failed calls that only repeat the last one."""
    first: ToolCall | None = None
    count = 0
    for block in blocks:
        if isinstance(block, ToolCall) and first and are_identical_failures(first, block):
            count += 1
            continue
        # The text of a refused answer is a block of its own, before its call.
        if first and count and not (isinstance(block, Answer) and block.refused):
            may_repeat = isinstance(block, ToolCall) and not block.ended
            yield Repeats(first.call_id, count, complete=not may_repeat)
            count = 0
        yield block
        if isinstance(block, ToolCall):
            first = block if block.failed else None
        elif not (isinstance(block, Answer) and block.refused):
            first = None
    if first and count:
        yield Repeats(first.call_id, count, complete=False)
