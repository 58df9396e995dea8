"""Files of users with agents in them, and their turns."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from streamchat.agent.source import Request
from streamchat.agent.target import fresh
from streamchat.agent.target.name import parse_target
from streamchat.agent.target.output import RelayingStream
from streamchat.agent.target.source import TargetSource
from streamchat.agent.target.worker import close_thread
from streamchat.config import Settings
from streamchat.events import Event, TurnCancelled, TurnDone, TurnFailed, TurnStarted
from streamchat.text.redact import Redactor

LAST = (TurnDone, TurnFailed, TurnCancelled)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def write_executor(path: Path, *lines: str, before: str = "") -> Path:
    """Write a file with an executor, `agent`, whose `invoke` consists of these lines."""
    body = "\n".join(f"        {line}" for line in lines)
    return write(
        path,
        f"{dedent(before)}\nclass Executor:\n    async def invoke(self, input, streamer):\n{body}\n"
        "\n\nagent = Executor()\n",
    )


@contextmanager
def keep_imports() -> Iterator[None]:
    """Undo what loading an agent changes in the process."""
    path, hooks, modules = list(sys.path), list(sys.path_hooks), dict(sys.modules)
    root, last_resort = logging.getLogger(), logging.lastResort
    level, handlers = root.level, list(root.handlers)
    try:
        yield
    finally:
        close_thread()
        sys.path[:], sys.path_hooks[:] = path, hooks
        for name in set(sys.modules) - set(modules):
            if isinstance(getattr(sys.modules[name].__spec__, "loader", None), fresh.FreshLoader):
                del sys.modules[name]
        fresh.forget_folders()
        sys.path_importer_cache.clear()
        for name in ("stdout", "stderr"):
            if isinstance(stream := getattr(sys, name), RelayingStream):
                setattr(sys, name, stream.stream)
        root.handlers[:], logging.lastResort = handlers, last_resort
        root.setLevel(level)


async def load(text: str, redactor: Redactor | None = None, **settings: Any) -> TargetSource:
    """Load an agent as the program does: in a thread beside the prompt."""
    arguments = parse_target(text), Settings(**settings), redactor or Redactor()
    return await asyncio.to_thread(TargetSource.load, *arguments)


@asynccontextmanager
async def loaded(text: str, **options: Any) -> AsyncIterator[TargetSource]:
    source = await load(text, **options)
    try:
        yield source
    finally:
        await source.aclose()


async def collect(source: TargetSource, question: str = "Hi", **request: Any) -> list[Event]:
    """Return the events of a turn between its first and its last, and the last."""
    run = source.start(Request(question, **request))
    events = [event async for event in run]
    await run.aclose()
    assert isinstance(events[0], TurnStarted)
    assert sum(isinstance(event, LAST) for event in events) == 1
    assert isinstance(events[-1], LAST)
    return events[1:]
