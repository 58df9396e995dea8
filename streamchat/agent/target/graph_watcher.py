"""LangChain's callbacks while a graph runs: what LangGraph's stream does not tell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from streamchat.agent.target.interrupts import to_json

_NOSTREAM = "nostream"
"""LangGraph's tag for models that it does not stream."""


@dataclass(frozen=True, slots=True)
class ModelStarted:
    """A model is asked, in the task `place`.

    Attributes:
        silent: why it will not stream, if that is known.
        hidden: whether its message is seen only if a node returns it.
    """

    run_id: UUID
    place: str
    time: float
    silent: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """A model's request has failed."""

    run_id: UUID


@dataclass(frozen=True, slots=True)
class ToolRunStarted:
    """A tool runs. `server_id` is the ID of its call, or empty if it is unknown."""

    run_id: UUID
    server_id: str
    name: str
    arguments: dict[str, Any]
    time: float


@dataclass(frozen=True, slots=True)
class ToolRunEnded:
    """A tool has returned, or raised an exception."""

    run_id: UUID
    output: Any
    time: float


Seen: TypeAlias = ModelStarted | ModelFailed | ToolRunStarted | ToolRunEnded


class GraphWatcher(BaseCallbackHandler):
    """Passes on when models and tools start and end.

    Sync tools run in threads of their own, and so do their callbacks.

    Args:
        tell: called in the event loop, for each in order.
    """

    # Otherwise LangChain starts a thread for every call of a handler.
    run_inline = True

    def __init__(self, tell: Callable[[Seen], None]) -> None:
        self._tell = tell
        self._loop = asyncio.get_running_loop()

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: object,
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        place = str((metadata or {}).get("langgraph_checkpoint_ns") or "")
        hidden = _NOSTREAM in (tags or ())
        silent = "it is tagged nostream" if hidden else _find_silence(serialized)
        self._pass(ModelStarted(run_id, place, perf_counter(), silent, hidden))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._pass(ModelFailed(run_id))

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        inputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        name = str((serialized or {}).get("name") or kwargs.get("name") or "")
        server_id = str(kwargs.get("tool_call_id") or "")
        given = inputs if inputs is not None else {"input": input_str}
        arguments = json.loads(to_json(given))
        self._pass(ToolRunStarted(run_id, server_id, name, arguments, perf_counter()))

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._pass(ToolRunEnded(run_id, output, perf_counter()))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._pass(ToolRunEnded(run_id, error, perf_counter()))

    def _pass(self, seen: Seen) -> None:
        self._loop.call_soon_threadsafe(self._tell, seen)


def _find_silence(serialized: Mapping[str, Any] | None) -> str:
    """Return which setting of a model keeps it from streaming, if one is known to."""
    settings = (serialized or {}).get("kwargs") or {}
    switched_off = settings.get("disable_streaming")
    return f"disable_streaming={switched_off!r}" if switched_off else ""
