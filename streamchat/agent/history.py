"""How the history quotes an answer that the user stopped."""

from __future__ import annotations

INTERRUPTED = "[interrupted]"


def mark_interrupted(answer: str) -> str:
    """Return an unfinished answer with a mark, or an empty text if nothing had arrived.

    The mark tells the model that the answer is not all it meant to say.
    """
    answer = answer.strip()
    return f"{answer}\n\n{INTERRUPTED}" if answer else ""
