"""The thread in which the user's agent and asynchronous tools run."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from streamchat.process.threads import DaemonExecutor

_CLIENTS = ("langchain_openai.chat_models._client_utils", "langchain_anthropic._client_utils")
"""Modules that cache clients, if they are imported."""
_PATIENCE = 1.0
"""Seconds in which a loop has to be free if it is to be used again."""
_shared: AgentThread | None = None
_lock = threading.Lock()


def get_thread() -> AgentThread:
    """Return the thread of agents; a new one only if code blocks the one there was.

    Libraries keep a client for all models of a process, whose connections belong to one loop.
    """
    global _shared
    with _lock:  # tools may be called at the same time
        if _shared is None or not _shared.is_responsive(_PATIENCE):
            if _shared:
                _shared.close()
                _forget_clients()
            _shared = AgentThread()
        return _shared


def close_thread() -> None:
    """Close the thread of agents; the next one gets a new one."""
    global _shared
    if _shared:
        _shared.close()
        _shared = None


def _forget_clients() -> None:
    for name in _CLIENTS:
        for member in vars(sys.modules.get(name, object)).values():
            if clear := getattr(member, "cache_clear", None):
                clear()


class AgentThread:
    """A daemon thread with an event loop of its own.

    Code that blocks this loop holds up neither the prompt nor the end of the program.

    Args:
        name: of the thread; it tells whose output that of the thread is.
    """

    def __init__(self, name: str = "agent") -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(DaemonExecutor(name))
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    @property
    def ident(self) -> int | None:
        return self._thread.ident

    def call(self, work: Callable[..., object], *args: Any) -> None:
        """Call in the thread as soon as its loop is free; does nothing once that is closed."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(work, *args)

    def is_responsive(self, seconds: float) -> bool:
        """Whether its loop is free within this time."""
        free = threading.Event()
        self.call(free.set)
        return free.wait(seconds)

    def close(self) -> None:
        """Cancel what the thread does, and end it as soon as its loop is free."""
        self._is_closing = True
        self.call(self.loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._is_closing:
            # A task of the agent may call sys.exit, which asyncio also raises in run_forever.
            with suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()
        with suppress(Exception, SystemExit, KeyboardInterrupt):
            self.loop.run_until_complete(self._cancel_tasks())
        self.loop.close()

    async def _cancel_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
