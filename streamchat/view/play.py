"""Plays the events of a source into a view."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from time import monotonic
from typing import TypeAlias, cast

from streamchat.events import ApprovalRequested, Event, InputRequested, TimedEvent
from streamchat.turn import Turn, accumulate, reduce
from streamchat.view import View

Respond: TypeAlias = Callable[[InputRequested | ApprovalRequested], Awaitable[None]]
"""Asks the user what the agent wants to know, or whether a call may run, and passes that on."""


async def play(
    events: AsyncIterable[Event],
    view: View,
    respond: Respond | None = None,
    clock: Callable[[], float] = monotonic,
) -> Turn:
    """Show each event of a turn as it happens, and return the turn as it ended.

    Args:
        events: the turn's.
        view: shows it.
        respond: called when the user is asked something, after that is shown. Until it returns, the
            turn goes on but nothing of it is shown.
        clock: tells seconds, of which the turn notes when each event came.
    """
    turn, begin = Turn(), None
    with view:
        # Leaving a loop over a generator does not close it; aclosing does.
        async with aclosing(cast(AsyncGenerator[Event, None], aiter(events))) as source:
            async for event in source:
                now = clock()
                begin = now if begin is None else begin
                turn = replace(reduce(turn, event), at=int((now - begin) * 1000))
                view.show(turn, event)
                if respond and isinstance(event, InputRequested | ApprovalRequested):
                    await respond(event)
    return turn


def show_all(events: Iterable[TimedEvent], view: View) -> Turn:
    """Show the events of a turn that is over, and return the turn; misfits are skipped.

    Raises:
        OSError: the output is gone.
    """
    turn = Turn()
    with view:
        for turn, event in accumulate(events):
            view.show(turn, event)
    return turn
