"""Closes connections whose clients take too long to say what they want."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 20.0
"""Seconds that the head of a request may take to arrive."""


class _Impatience(asyncio.Protocol):
    """Adds a time limit to uvicorn's protocol, which has none before the first request."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    cycle: Any
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Let the time run while a request is awaited or incomplete."""
        is_asked = self.cycle is not None and not self.cycle.response_complete
        is_left = self.transport.get_protocol() is not self  # for that of a WebSocket
        if is_asked or is_left or self.transport.is_closing():
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        self.transport.close()


ImpatientProtocol: type[asyncio.Protocol] = type(
    "ImpatientProtocol", (_Impatience, AutoHTTPProtocol), {"__module__": __name__}
)
"""The protocol for uvicorn: that of httptools if it is installed, else that of h11."""
