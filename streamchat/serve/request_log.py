"""Logs requests, without their queries, and the faults of the server."""

from __future__ import annotations

import logging
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamchat.text.sanitize import one_line

_LOGGER = logging.getLogger("streamchat.serve")
_LONGEST = 200


class RequestLog:
    """Logs requests and failures; ASGI middleware.

    Args:
        app: answers.
        verbose: whether to log each request, and where errors come from.
    """

    def __init__(self, app: ASGIApp, *, verbose: bool) -> None:
        self._app, self._verbose = app, verbose

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = perf_counter(), 0

        async def note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, note_status if self._verbose else send)
        except Exception as error:
            self._report(error)
        if self._verbose and scope["type"] == "http":
            asked = one_line(f"{scope['method']} {scope['path']}", _LONGEST)
            _LOGGER.info("%s: %s, %.2f s", asked, status, perf_counter() - started)

    def _report(self, error: Exception) -> None:
        if self._verbose:
            _LOGGER.error("a request failed", exc_info=error)
        else:
            text = one_line(f"{type(error).__name__}: {error}", _LONGEST)
            _LOGGER.error("a request failed: %s (--verbose shows where)", text)
