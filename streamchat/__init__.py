"""streamchat: a terminal chat in which you see an agent work, token by token."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamchat.agent.decoder import merge_chunks
    from streamchat.agent.errors import AgentError
    from streamchat.agent.executor import AgentExecutor
    from streamchat.agent.source import Approval
    from streamchat.agent.streamer import QueueCallbackHandler

__version__ = "0.2.0"
__all__ = ["AgentError", "AgentExecutor", "Approval", "QueueCallbackHandler", "merge_chunks"]

# Importing LangChain takes seconds; `streamchat --help` must not wait for it.
_HOMES = {
    "AgentError": "agent.errors",
    "AgentExecutor": "agent.executor",
    "Approval": "agent.source",
    "QueueCallbackHandler": "agent.streamer",
    "merge_chunks": "agent.decoder",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
