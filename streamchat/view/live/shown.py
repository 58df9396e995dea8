"""Which blocks of a turn are to be drawn, and which of them can still change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from streamchat.events import ANSWER_TOOL
from streamchat.text.pieces import Pieces
from streamchat.turn import (
    Answer,
    Code,
    Output,
    Prose,
    Question,
    Reasoning,
    Result,
    Speaker,
    ToolCall,
    Turn,
)
from streamchat.view.repeats import Repeats, ShownBlock, group_repeats

_PASSING = (Output, Result)
"""What may come in the middle of any text."""


class Shown(NamedTuple):
    """A block that is not drawn in full.

    Attributes:
        key: a call's ID or the block's ordinal within its kind: prose can become the answer, and a
            failed call can move below the text that was written in it.
        block: the block.
        done: whether it is complete.
        followed: whether another follows it; what may come in the middle of a text does not count.
        depth: how many graphs are around its own.
        speaker: the name of its node, or empty.
    """

    key: object
    block: ShownBlock
    done: bool
    followed: bool
    depth: int
    speaker: str = ""


def list_unfinished(turn: Turn, finished: set[object], *, over: bool) -> Iterator[Shown]:
    """Yield the blocks that are not drawn in full.

    Args:
        turn: the turn.
        finished: the keys of those that are.
        over: whether the turn has ended: then all blocks are complete.
    """
    shown = list(group_repeats(turn.blocks))
    look = _Look(turn, shown)
    ordinals = Counter[str]()
    depths: dict[str, int] = {}
    depth, speaker = 0, ""
    for at, block in enumerate(shown):
        kind = "text" if isinstance(block, Prose | Answer) else type(block).__name__
        ordinals[kind] += 1
        key: object = (kind, ordinals[kind])
        own_depth = depth
        match block:
            case Speaker():
                depth = own_depth = block.depth
                speaker = block.name
                if not speaker:
                    continue
            case ToolCall(call_id, name):
                key, depths[call_id] = call_id, depth
                if name == ANSWER_TOOL and not block.failed:
                    continue  # its text is a block of its own
                block = look.without_answer(block)
            case Repeats(call_id):
                key = kind, call_id
            case Result(call_id):
                own_depth = depths[call_id]
                block = _make_end(turn.call(call_id))
        if key not in finished:
            done = over or look.is_done(at, block)
            yield Shown(key, block, done, look.is_followed(at, block), own_depth, speaker)


class _Look:
    """Looks from a block at those around it."""

    def __init__(self, turn: Turn, shown: Sequence[ShownBlock]) -> None:
        self._calls = {each.call_id: each for each in turn.blocks if isinstance(each, ToolCall)}
        self._answered = {each.call_id for each in turn.blocks if isinstance(each, Answer)}
        kinds = [type(block) for block in shown]
        self._last = _find_last(kinds, *_PASSING)
        self._last_but_reasoning = _find_last(kinds, *_PASSING, Reasoning)
        self._last_question = _find_last(kinds, *{*kinds} - {Question})
        self._open_output = turn.open_output

    def without_answer(self, call: ToolCall) -> ToolCall:
        """Return the call without fragments if its answer shows them."""
        return replace(call, fragments=Pieces()) if call.call_id in self._answered else call

    def is_followed(self, at: int, block: ShownBlock) -> bool:
        return at < (self._last_but_reasoning if isinstance(block, Prose) else self._last)

    def is_done(self, at: int, block: ShownBlock) -> bool:
        """Whether a block cannot change any more while the turn goes on."""
        match block:
            case Repeats():
                return block.complete
            case ToolCall():
                return block.ended or block.opened
            case Answer():
                # Other calls may arrive before the answer's own ends. A graph stops to ask only
                # when nothing is on its way any more.
                call = self._calls.get(block.call_id)
                ended = call is not None and call.ended
                return ended or block.refused or at < self._last_question
            case Prose() | Reasoning() | Code():
                return self.is_followed(at, block)
            case Question():
                return block.answer is not None
            case Output():
                return block is not self._open_output
            case _:
                return True


def _find_last(kinds: Sequence[type], *passing: type) -> int:
    """Return the position of the last block that is of no passing kind; -1 if there is none."""
    positions = range(len(kinds) - 1, -1, -1)
    return next((at for at in positions if kinds[at] not in passing), -1)


def _make_end(call: ToolCall) -> ToolCall:
    """Return how an opened call has ended, without what stands above already."""
    return replace(call, fragments=Pieces(), code=Pieces(), arguments=None, opened=False)
