"""Runs the server until a signal ends it."""

from __future__ import annotations

import os
import resource
import signal
import socket
from contextlib import suppress
from types import FrameType

import uvicorn

from streamchat.config import Settings
from streamchat.models.progress import Progress
from streamchat.process.deadline import EXIT_SIGNALS, spare
from streamchat.process.runtime import run
from streamchat.process.signals import drop_ignored
from streamchat.process.stdio import print_error
from streamchat.serve.app import make_app
from streamchat.serve.listening import introduce, make_config, open_socket
from streamchat.serve.opening import open_serving
from streamchat.serve.options import ServeOptions
from streamchat.serve.runs import Runs
from streamchat.serve.workers import serve_with_workers
from streamchat.text.redact import Redactor

_MOST_FILES = 1 << 16


def serve(settings: Settings, redactor: Redactor, options: ServeOptions, progress: Progress) -> int:
    """Serve until a signal ends it, and return the exit code.

    Raises:
        ServeError: the address is taken, or cannot be used.
        ModelError: the model is not available, or a TargetError if the user's code is not.
    """
    redactor.learn(options.access.token)
    _allow_connections()
    with open_socket(options.host, options.port) as listener:
        for number in EXIT_SIGNALS:
            spare(number, lambda seconds: True)  # what is under way may take longer
        if options.workers > 1:
            return serve_with_workers(settings, options, listener)
        return run(_serve(settings, redactor, options, progress, listener))


async def _serve(
    settings: Settings,
    redactor: Redactor,
    options: ServeOptions,
    progress: Progress,
    listener: socket.socket,
) -> int:
    async with open_serving(settings, redactor, options, progress) as serving:
        app = make_app(serving, options.access, verbose=options.verbose)
        server = Server(make_config(app, options), serving.runs, options.grace)
        for line in introduce(options, listener, serving.model):
            print_error(line)
        for number in drop_ignored(signal.SIGHUP):  # uvicorn takes care of the others
            signal.signal(number, server.handle_exit)
        await server.serve([listener])
        return 128 + server.received if server.received else 0


def _allow_connections() -> None:
    """Allow the process as many open files as the system lets it."""
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and close connections once their runs have ended."""
        for server in self.servers:
            server.close()
        await self._runs.drain(self._grace)
        await super().shutdown(sockets)
