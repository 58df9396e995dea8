"""Runs the server: its socket, signals, and the lines printed at the start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from streamchat.agent.loader import AgentLoader
from streamchat.agent.source import Source
from streamchat.agent.target.loader import TargetLoader
from streamchat.config import Settings
from streamchat.models.progress import Progress
from streamchat.process.deadline import spare
from streamchat.process.runtime import run
from streamchat.process.stdio import print_error
from streamchat.serve import ServeError
from streamchat.serve.app import make_app
from streamchat.serve.limits import Limits
from streamchat.serve.metrics import Metrics
from streamchat.serve.runs import Runs
from streamchat.serve.security import Access, is_loopback
from streamchat.serve.serving import Serving
from streamchat.text.redact import Redactor


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        host: where to listen.
        port: likewise; 0 for any that is free.
        access: who may use the server.
        max_runs: how many runs may be under way at once.
        grace: seconds that runs have to end when the server stops.
        limits: how much a request may bring.
        tools: whether the agent has tools.
        verbose: whether to log more.
    """

    host: str
    port: int
    access: Access
    max_runs: int
    grace: float
    limits: Limits = field(default_factory=Limits)
    tools: bool = True
    verbose: bool = False


def serve(settings: Settings, redactor: Redactor, options: ServeOptions, progress: Progress) -> int:
    """Serve until a signal ends it, and return the exit code.

    Raises:
        ServeError: the address is taken, or cannot be used.
        ModelError: the model is not available, or a TargetError if the user's code is not.
    """
    redactor.learn(options.access.token)
    with open_socket(options.host, options.port) as listener:
        return run(_serve(settings, redactor, options, progress, listener))


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        ServeError: it cannot.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        why = error.strerror or str(error)
        raise ServeError(f"cannot listen on {host}:{port}: {why} (see --host, --port)") from None


async def _serve(
    settings: Settings,
    redactor: Redactor,
    options: ServeOptions,
    progress: Progress,
    listener: socket.socket,
) -> int:
    async with open_serving(settings, redactor, options, progress) as serving:
        config = make_config(make_app(serving, options.access), options)
        server = Server(config, serving.runs, options.grace)
        for line in introduce(options, listener, serving.model):
            print_error(line)
        await server.serve([listener])
        return 128 + server.received if server.received else 0


@asynccontextmanager
async def open_serving(
    settings: Settings, redactor: Redactor, options: ServeOptions, progress: Progress
) -> AsyncIterator[Serving]:
    """Load the agent, and open what the endpoints share."""
    loader: TargetLoader | AgentLoader
    if settings.agent:
        loader = TargetLoader(settings, redactor, progress)
    else:
        loader = AgentLoader(
            settings, redactor, tools=options.tools, progress=progress, verbose=options.verbose
        )
    try:
        source: Source = await loader.wait_until_ready()
        for line in (*loader.take_lines(), *loader.take_notes()):
            print_error(line)
        metrics = Metrics()
        runs = Runs(source, options.max_runs, options.limits, metrics)
        yield Serving(runs, options.limits, metrics, settings, redactor, source.name)
    finally:
        await loader.aclose()


def make_config(app: object, options: ServeOptions) -> uvicorn.Config:
    """Return uvicorn's configuration: it says nothing itself, for a URL may have the token."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=options.limits.body,
        server_header=False,
        proxy_headers=False,
    )


def introduce(options: ServeOptions, listener: socket.socket, model: str) -> list[str]:
    """Return what to say at the start: where the server is, and what is risky."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    lines = [f"{model} on http://{shown}:{port}/?token={options.access.token}"]
    if not is_loopback(options.host):
        lines.append("warning: everybody who reaches this address and has the token can use it")
    return lines


class Server(uvicorn.Server):
    """A server that lets runs end before it does.

    Attributes:
        received: the signal that has ended it; 0 for none.
    """

    def __init__(self, config: uvicorn.Config, runs: Runs, grace: float) -> None:
        super().__init__(config)
        self.received = 0
        self._runs, self._grace = runs, grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the first signal, and end at once at the second."""
        if self.received:
            os._exit(128 + sig)
        self.received = sig
        self.should_exit = True

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            spare(number, lambda seconds: True)  # what is under way may take longer
        await super().serve(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining = asyncio.create_task(self._runs.drain(self._grace))
        await super().shutdown(sockets)
        await draining
