"""The history: which earlier messages and answers are sent to the model."""

from __future__ import annotations

from collections.abc import Iterable

from streamchat.agent.budget import take_newest
from streamchat.agent.interrupted import mark_interrupted
from streamchat.sessions.records import StoredTurn


def quote_answer(turn: StoredTurn) -> str | None:
    """Return the answer as the history quotes it; None if the turn is not in the history."""
    if turn.status == "done":
        return turn.answer
    if turn.status == "cancelled":
        return mark_interrupted(turn.answer) or None
    return None


def select_history(
    turns: Iterable[StoredTurn], budget: int
) -> tuple[list[tuple[StoredTurn, str]], int]:
    """Return the newest turns that fit, with their answers, and the number of older ones.

    Args:
        turns: the oldest first; those without an answer are skipped.
        budget: the most characters in all pairs.
    """
    pairs = [(each, answer) for each in turns if (answer := quote_answer(each)) is not None]
    selected = take_newest(pairs, budget, lambda pair: len(pair[0].message) + len(pair[1]))
    return selected, len(pairs) - len(selected)
