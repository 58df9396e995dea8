"""What a play is given to emit its events, and to ask the user."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from streamchat.agent.errors import AgentError
from streamchat.events import Event, InputRequested
from streamchat.text.sanitize import one_line

_MOST_SHOWN = 160
"""Characters of a question in an error."""


class Emitter:
    """Emits into a turn; see `Emit`.

    Args:
        push: takes the events.
        interactive: whether somebody is there to answer.

    Attributes:
        is_waiting: whether the agent waits for the user.
    """

    def __init__(self, push: Callable[[Event], None], *, interactive: bool) -> None:
        self.is_waiting = False
        self._push = push
        self._interactive = interactive
        self._reply: asyncio.Future[object] | None = None

    def __call__(self, event: Event) -> None:
        self._push(event)

    async def ask(self, requested: InputRequested) -> object:
        if not self._interactive:
            raise AgentError(describe_unanswered(requested))
        self._reply = asyncio.get_running_loop().create_future()
        self.is_waiting = True
        try:
            self._push(requested)
            return await self._reply
        finally:
            self.is_waiting = False

    def reply(self, answer: object) -> None:
        """Pass the answer on to `ask`; called in the agent's loop."""
        if self._reply and not self._reply.done():
            self._reply.set_result(answer)


def describe_unanswered(requested: InputRequested) -> str:
    """Return what the agent asks, and how to answer where nobody can be asked."""
    shown = " and ".join(map(_format_action, requested.actions)) or requested.question
    decisions = {each: None for action in requested.actions for each in action.get("decisions", ())}
    value = ", ".join(decisions) or "TEXT"
    asked = "asks whether to run" if requested.actions else "asks:"
    return (
        f"the agent {asked} {one_line(shown, _MOST_SHOWN)}; answer with --resume-value "
        f"({value}) or in the chat"
    )


def _format_action(action: Mapping[str, Any]) -> str:
    arguments = action.get("arguments") or {}
    listed = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False, default=str)}"
        for name, value in arguments.items()
    )
    return f"{action.get('name')}({listed})"
