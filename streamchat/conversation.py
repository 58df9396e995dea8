"""Puts questions through the agent to a view, one after another; Ctrl-C stops one."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamchat.agent import AgentExecutor
from streamchat.answer import whole_characters
from streamchat.play import play
from streamchat.safe import one_line
from streamchat.streamer import QueueCallbackHandler
from streamchat.turn import Turn
from streamchat.view import View

_log = logging.getLogger(__name__)


async def converse(
    executor: AgentExecutor, question: str, view: View, *, verbose: bool = False
) -> Turn:
    """Returns the turn as it ended; every ending but that of the view itself is one of the turn.

    Args:
        verbose: whether the view is shown every chunk, too. The traceback of a failure is logged.

    Raises:
        OSError: the view's output is gone; the turn was stopped.
    """
    streamer = QueueCallbackHandler(raw=verbose)
    task = asyncio.create_task(executor.invoke(whole_characters(question), streamer))
    try:
        with _stopped_by_interrupt(task):
            return await play(streamer, view)
    finally:
        task.cancel()
        # The turn has told how it ended; what is raised here says it again.
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            _log.debug("the turn failed", exc_info=error)


@contextmanager
def _stopped_by_interrupt(task: asyncio.Task[Any]) -> Iterator[None]:
    """Ctrl-C cancels the task and not the program."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        yield
    finally:
        # Pressed a moment too late it must not end the program either.
        loop.add_signal_handler(signal.SIGINT, lambda: None)


def complain_of(turn: Turn) -> None:
    """Tells on standard error how a turn ended that gave no answer."""
    if turn.status == "failed":
        line = f"error: {turn.error}"
    elif turn.status == "cancelled":
        line = "stopped"
    else:
        return
    print(one_line(line), file=sys.stderr, flush=True)  # noqa: T201  # where errors go
