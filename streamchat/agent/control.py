"""Reaches into a turn that is under way: refuses the call that arrives, cancels its tools."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamchat.agent.approving import Approver
from streamchat.agent.decoder import ChunkDecoder
from streamchat.agent.watchdog import Watchdog


class TurnControl:
    """What the user may do about a turn while it runs, besides stopping it.

    Args:
        approver: decides which calls run; by default all do.

    Attributes:
        kept: what is needed if the turn goes on in a later request; see `Run`.
    """

    def __init__(self, approver: Approver | None = None) -> None:
        self.approver = approver or Approver()
        self.kept: dict[str, str] = {}
        self._message: tuple[ChunkDecoder, Watchdog] | None = None
        self._tools: dict[asyncio.Task[Any], bool] = {}
        """The tasks of the tools that run, and whether the user has cancelled each."""

    @contextmanager
    def receive(self, decoder: ChunkDecoder, watchdog: Watchdog) -> Iterator[None]:
        """Let the call that arrives in this context be refused."""
        self._message = decoder, watchdog
        try:
            yield
        finally:
            self._message = None

    def refuse_arriving(self) -> bool:
        """Stop the message that arrives, if it is in the middle of a call; return whether it is."""
        if self._message is None:
            return False
        decoder, watchdog = self._message
        if not decoder.is_inside_call:
            return False
        decoder.refuse()  # the rest may be here already, before the watchdog ends the stream
        watchdog.refuse()
        return True

    @contextmanager
    def run_tool(self) -> Iterator[None]:
        """Let the current task be cancelled as a tool.

        Raises:
            ToolCancelledError: it was.
        """
        task = asyncio.current_task()
        assert task
        self._tools[task] = False
        try:
            yield
        except asyncio.CancelledError:
            # The turn itself may have been cancelled, too.
            if self._tools[task] and task.uncancel() == 0:
                raise ToolCancelledError from None
            raise
        finally:
            del self._tools[task]

    def cancel_tools(self) -> bool:
        """Cancel the tools that run; return whether there are any."""
        running = [task for task, is_cancelled in self._tools.items() if not is_cancelled]
        for task in running:
            self._tools[task] = True
            task.cancel()
        return bool(running)


class ToolCancelledError(Exception):
    """The user has cancelled a tool."""
