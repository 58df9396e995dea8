"""Serves in several processes, which uvicorn starts and keeps alive."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from streamchat.config import Settings
from streamchat.models.progress import ignore_progress
from streamchat.process.deadline import EXIT_SIGNALS
from streamchat.process.runtime import prepare_output
from streamchat.process.signals import drop_ignored
from streamchat.process.stdio import print_error
from streamchat.process.threads import DaemonExecutor
from streamchat.serve.app import make_app
from streamchat.serve.listening import introduce, make_config
from streamchat.serve.opening import open_serving
from streamchat.serve.options import ServeOptions
from streamchat.serve.runs import Runs
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import one_line

_LOADING = 60
"""Seconds that a worker may be busy, as with importing, before it counts as stuck."""


def serve_with_workers(settings: Settings, options: ServeOptions, listener: socket.socket) -> int:
    """Serve in several processes until a signal ends them, and return the exit code."""
    failures, reported = Pipe(duplex=False)
    # The workers get settings and token through a pipe, as everything that is pickled.
    config = make_config(
        partial(Worker, settings, options, reported),
        options,
        factory=True,
        lifespan="on",
        workers=options.workers,
        timeout_worker_healthcheck=_LOADING,
    )
    supervisor = Supervisor(config, [listener], failures)
    for line in introduce(
        options, listener, f"{settings.agent or settings.model_name}, {options.workers} workers"
    ):
        print_error(line)
    supervisor.run()
    return supervisor.exit_code


class Supervisor(Multiprocess):
    """Ends all workers at the first signal, and itself at the second.

    Args:
        config: uvicorn's.
        sockets: which listen.
        failures: brings the lines of workers that cannot start; the first one is printed.
    """

    def __init__(self, config: object, sockets: list[socket.socket], failures: Connection) -> None:
        super().__init__(config, sockets)  # type: ignore[arg-type]
        self.received = 0
        self._failures = failures
        for number in drop_ignored(*EXIT_SIGNALS):
            signal.signal(number, self._stop)

    @property
    def exit_code(self) -> int:
        return 128 + self.received if self.received else 1

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have ended, and stop if one could not start.

        If none has, this asks none: the wait for an answer would go on after a worker's end.
        """
        if self._failures.poll():
            self.should_exit.set()
        elif not all(each.process.is_alive() for each in self.processes):
            super().keep_subprocess_alive()

    def terminate_all(self) -> None:
        """End all workers. Nobody listens any more once they have closed their sockets, too."""
        if self._failures.poll():
            print_error(self._failures.recv())
        for each in self.sockets:
            each.close()
        super().terminate_all()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            for process in self.processes:
                process.process.kill()
            os._exit(128 + number)
        self.received = number
        self.should_exit.set()


class Worker:
    """The application of a worker, which loads the agent when it starts; see `make_app`.

    Args:
        settings: the user's.
        options: of the server.
        failures: takes a line if the agent cannot be loaded.
    """

    def __init__(self, settings: Settings, options: ServeOptions, failures: Connection) -> None:
        self._settings, self._options, self._failures = settings, options, failures
        self._redactor = Redactor([*settings.secrets, options.access.token])
        self._starting = Starlette(lifespan=self._run)
        self._app: ASGIApp = self._starting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._starting if scope["type"] == "lifespan" else self._app
        await app(scope, receive, send)

    @asynccontextmanager
    async def _run(self, app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(DaemonExecutor())
        prepare_output(self._redactor)
        try:
            opening = open_serving(self._settings, self._redactor, self._options, ignore_progress)
            async with opening as serving:
                stop_gently(serving.runs, self._options.grace)
                self._app = make_app(serving, self._options.access, verbose=self._options.verbose)
                yield
        except Exception as error:
            self._failures.send(str(one_line(self._redactor.redact(f"error: {error}"))))
            raise


def stop_gently(runs: Runs, grace: float) -> None:
    """Let the runs end at the first SIGTERM before uvicorn learns of it; end at the second.

    Ctrl-C and a hangup reach the whole group of processes: the parent sends SIGTERM then.
    """
    loop = asyncio.get_running_loop()
    stop: Any = signal.getsignal(signal.SIGTERM)
    server: uvicorn.Server = stop.__self__
    draining: list[asyncio.Task[None]] = []

    async def drain() -> None:
        for each in server.servers:
            each.close()
        await runs.drain(grace)
        stop(signal.SIGTERM, None)

    def receive() -> None:
        if draining:
            os._exit(128 + signal.SIGTERM)
        draining.append(asyncio.create_task(drain()))

    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    loop.add_signal_handler(signal.SIGTERM, receive)
