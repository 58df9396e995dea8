"""How the history quotes an answer that the user stopped."""

from __future__ import annotations

INTERRUPTED = "[interrupted]"


def mark_interrupted(answer: str) -> str:
    """Return an unfinished answer with a mark, or an empty string if nothing had arrived.

    The mark tells the model that its answer was cut short.
    """
    answer = answer.strip()
    return f"{answer}\n\n{INTERRUPTED}" if answer else ""
