"""Says so where an agent's own memory differs from the conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamchat.events import Event, Notice


class OwnMemory:
    """Follows what an agent that keeps its own memory has been asked.

    Args:
        what: the agent, as a sentence begins with it.
        way_out: what would give streamchat's memory to it; empty if nothing would.
    """

    def __init__(self, what: str, way_out: str = "") -> None:
        self._what = what
        self._way_out = f"; {way_out}" if way_out else ""
        self._asked: list[str] = []
        self._told = False

    def check(self, questions: Sequence[str], question: str, emit: Callable[[Event], None]) -> None:
        """Emit a notice, once, if the earlier questions are not those the agent remembers."""
        if list(questions) != self._asked and not self._told:
            self._told = True
            emit(
                Notice(
                    f"{self._what} keeps its own memory, which does not follow "
                    f"/undo, /branch or a resumed session{self._way_out}"
                )
            )
        self._asked = [*questions, question]
