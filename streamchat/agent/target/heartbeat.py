"""Notices when the agent's code blocks its event loop, and in which function."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from streamchat.agent.target.frames import describe_busy_thread
from streamchat.agent.target.worker import AgentThread
from streamchat.events import Notice

BLOCKED = "blocked the event loop"
"""What the notices say."""
_LONG = 1.0
"""Seconds for which the loop may be blocked."""


class Heartbeat:
    """Asks the thread's loop for a sign of life, again and again.

    Args:
        thread: the agent's.
        report: called in the thread, as soon as its loop is free again.
    """

    def __init__(self, thread: AgentThread, report: Callable[[Notice], None]) -> None:
        self._thread = thread
        self._report = report
        self._sent: float | None = None
        self._place = ""
        self._reported: set[str] = set()

    def check(self) -> None:
        """Look how the loop is; called a few times a second from outside of the thread."""
        if self._sent is None:
            self._sent = perf_counter()
            self._thread.call(self._reply)
        else:
            # What is idle was asleep with the whole process, or is only slow.
            self._place = describe_busy_thread(self._thread.ident)

    @property
    def blocked_in(self) -> str:
        """The function that blocks the loop for long now, and its line; empty if none does."""
        sent = self._sent
        return self._place if sent is not None and perf_counter() - sent > _LONG else ""

    def _reply(self) -> None:
        assert self._sent is not None
        seconds, place = perf_counter() - self._sent, self._place
        self._sent, self._place = None, ""
        function = place.rpartition(":")[0]
        if place and seconds > _LONG and function not in self._reported:
            self._reported.add(function)
            text = f"{place} {BLOCKED} for {seconds:.1f} s; nothing streams meanwhile"
            self._report(Notice(text))
