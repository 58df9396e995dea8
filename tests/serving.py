"""The server of `streamchat serve`, in a thread of the test's process, on a scripted model."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from streamchat.config import Settings
from streamchat.models.progress import ignore_progress
from streamchat.serve.app import make_app
from streamchat.serve.errors import HANDLERS
from streamchat.serve.limits import Limits
from streamchat.serve.listening import make_config, open_socket
from streamchat.serve.opening import open_serving
from streamchat.serve.options import ServeOptions
from streamchat.serve.security import make_access
from streamchat.serve.server import Server
from streamchat.serve.serving import Serving
from streamchat.text.redact import Redactor
from tests import server as scripted

TOKEN = "a-token-of-the-tests"
Routes = Callable[[Serving], Sequence[BaseRoute]]


@dataclass
class Served:
    """The server, while it runs.

    Attributes:
        url: without a path.
        serving: what the endpoints share; belongs to the server's own thread.
    """

    url: str
    serving: Serving
    server: Server
    thread: threading.Thread

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, token: str = TOKEN, **headers: str) -> httpx2.Client:
        """Return a client that sends the token."""
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=bearer | headers, timeout=60)

    def stop(self) -> None:
        """Stop as SIGTERM does."""
        self.server.should_exit = True

    def wait(self) -> None:
        """Wait until the server has ended."""
        self.thread.join(60)
        assert not self.thread.is_alive()


@contextmanager
def serve(
    model: scripted.Server | None = None,
    *,
    settings: Settings | None = None,
    routes: Routes | None = None,
    max_runs: int = 10,
    grace: float = 0.0,
    limits: Limits | None = None,
    names: Sequence[str] = (),
    origins: Sequence[str] = (),
    tools: bool = True,
    **fields: object,
) -> Iterator[Served]:
    """Serve an agent on this model.

    Args:
        model: answers; or `settings` say what does.
        settings: instead of those that `fields` has.
        routes: instead of the endpoints of streamchat.
        max_runs: how many runs may be under way at once.
        grace: seconds that runs have to end.
        limits: how much a request may bring.
        names: of hosts.
        origins: of other pages.
        tools: whether the agent has tools.
        fields: of the settings.
    """
    if settings is None:
        assert model
        settings = Settings(model="m", base_url=model.url, api_key="sk-test-0123", **fields)  # type: ignore[arg-type]
    access = make_access(TOKEN, "127.0.0.1", names, origins)
    options = ServeOptions(
        "127.0.0.1", 0, access, max_runs, grace, limits=limits or Limits(), tools=tools
    )
    ready: list[Served | BaseException] = []
    told = threading.Event()

    def run() -> None:
        try:
            asyncio.run(_run(settings, options, routes, listener, ready, told))
        except BaseException as error:
            ready.append(error)
        finally:
            told.set()

    with open_socket("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=run, daemon=True, name="streamchat")
        thread.start()
        told.wait(120)
        served = ready[0]
        if isinstance(served, BaseException):
            raise served
        served.thread = thread
        try:
            yield served
        finally:
            served.stop()
            served.wait()


async def _run(
    settings: Settings,
    options: ServeOptions,
    routes: Routes | None,
    listener: socket.socket,
    ready: list[Served | BaseException],
    told: threading.Event,
) -> None:
    async with open_serving(settings, Redactor(), options, ignore_progress) as serving:
        app = make_app(serving, options.access)
        if routes:
            app = guarded(routes(serving), options)
        server = Server(make_config(app, options), serving.runs, options.grace)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ready.append(Served(url, serving, server, threading.current_thread()))
        told.set()
        await server.serve([listener])


def guarded(routes: Sequence[BaseRoute], options: ServeOptions) -> object:
    """Return an application with other routes behind the same guard."""
    from streamchat.serve.request_log import RequestLog
    from streamchat.serve.security import Guard

    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    return Guard(RequestLog(app, verbose=False), options.access)
