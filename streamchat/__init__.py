"""streamchat: a terminal chat in which you see an agent work, token by token."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamchat.agent import AgentExecutor
    from streamchat.chunks import merge_chunks
    from streamchat.step import AgentError
    from streamchat.streamer import QueueCallbackHandler

__version__ = "0.1.0"
__all__ = ["AgentError", "AgentExecutor", "QueueCallbackHandler", "merge_chunks"]

# Importing LangChain takes seconds; `streamchat --help` must not wait for it.
_HOMES = {
    "AgentError": "step",
    "AgentExecutor": "agent",
    "QueueCallbackHandler": "streamer",
    "merge_chunks": "chunks",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
