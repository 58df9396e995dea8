"""Plays the events of a source into a view."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import cast

from streamchat.events import Event
from streamchat.turn import Turn, accumulate, reduce
from streamchat.view import View


async def play(events: AsyncIterable[Event], view: View) -> Turn:
    """Show each event of a turn as it happens, and return the turn as it ended."""
    turn = Turn()
    with view:
        # Leaving a loop over a generator does not close it; aclosing does.
        async with aclosing(cast(AsyncGenerator[Event, None], aiter(events))) as source:
            async for event in source:
                turn = reduce(turn, event)
                view.show(turn, event)
    return turn


def show_all(events: Iterable[Event], view: View) -> Turn:
    """Show the events of a turn that is over, and return the turn; misfits are skipped.

    Raises:
        OSError: the output is gone.
    """
    turn = Turn()
    with view:
        for turn, event in accumulate(events):
            view.show(turn, event)
    return turn
