"""Looks whether the agent's files are saved while the user is at the prompt: `--watch`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamchat.repl.background import reload_if_saved
from streamchat.repl.chat import Chat
from streamchat.repl.prompt import Prompt

_PERIOD = 0.5
"""Seconds between two looks."""


@asynccontextmanager
async def watch_files(chat: Chat, prompt: Prompt) -> AsyncIterator[None]:
    """With --watch, load the agent anew when one of its files is saved in this context.

    During a turn that waits until the prompt is back, or until the next question is asked.
    """
    task = asyncio.create_task(_watch(chat, prompt)) if chat.watches else None
    try:
        yield
    finally:
        if task:
            task.cancel()


async def _watch(chat: Chat, prompt: Prompt) -> None:
    while True:
        await asyncio.sleep(_PERIOD)
        if prompt.is_open:
            reload_if_saved(chat)
