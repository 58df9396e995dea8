"""How to serve, as the command line says."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamchat.serve.limits import Limits
from streamchat.serve.security import Access


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        host: where to listen.
        port: likewise; 0 for any that is free.
        access: who may use the server.
        max_runs: how many runs may be under way at once, in each process.
        grace: seconds that runs have to end when the server stops.
        workers: how many processes serve.
        limits: how much a request may bring.
        tools: whether the agent has tools.
        verbose: whether to log requests, and where errors come from.
    """

    host: str
    port: int
    access: Access
    max_runs: int
    grace: float
    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    tools: bool = True
    verbose: bool = False
