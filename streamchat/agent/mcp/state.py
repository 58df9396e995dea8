"""What `/mcp` says about a server, and what a call to one may raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["starting", "ready", "failed", "closed"]


PATIENCE = 20
"""Seconds in which a server should start; nobody waits any longer."""


class ServerError(Exception):
    """A server is of no use. The message is a predicate: `has ended with exit code 1`."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server as `/mcp` lists it; what it says of itself has been made safe to show.

    Attributes:
        name: as in the settings.
        state: whether it can be used.
        detail: its own name and version, or why it cannot be used.
        tools: their names, as the model sees them.
        place: its command or URL.
        notes: tools that were left out, and why; a line for each.
        instructions: what it says about its use. They are not sent to the model.
        output: the last lines of its standard error.
    """

    name: str
    state: State
    detail: str = ""
    tools: Sequence[str] = ()
    place: str = ""
    notes: Sequence[str] = ()
    instructions: str = ""
    output: Sequence[str] = ()
