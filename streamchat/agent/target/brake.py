"""Lets the models of an agent wait while nobody takes their events."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler

from streamchat.agent.target.play import Emit


class Brake(AsyncCallbackHandler):
    """Holds up each token until the turn has room for its events.

    Args:
        emit: has the room.
    """

    # Otherwise LangChain starts a task for every token.
    run_inline = True

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        await self._emit.wait_for_room()
