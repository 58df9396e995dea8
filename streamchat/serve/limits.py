"""Limits: how much a request may bring, and how long it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request

from streamchat.serve.errors import RequestError
from streamchat.text.strict_json import load_json


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a request may bring, and how long it may take.

    Attributes:
        body: bytes of a request.
        message: characters of a message.
        messages: how many messages a history may have.
        seconds: how long a run may take.
        body_seconds: how long the body of a request may take to arrive.
    """

    body: int = 8 << 20
    message: int = 1_000_000
    messages: int = 2000
    seconds: float = 600.0
    body_seconds: float = 30.0

    def check_text(self, text: str) -> None:
        """Check the length of a message.

        Raises:
            RequestError: it is too long.
        """
        if len(text) > self.message:
            raise RequestError(413, f"a message has more than {self.message:,} characters")

    def check_messages(self, messages: Sequence[object]) -> None:
        """Check how many messages a history has.

        Raises:
            RequestError: there are too many.
        """
        if len(messages) > self.messages:
            raise RequestError(413, f"there are more than {self.messages:,} messages")


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the body of a request, of which no more is read than is allowed.

    Raises:
        RequestError: it is too large, or takes too long.
        ClientDisconnect: the client has left.
    """
    if int(request.headers.get("content-length", 0)) > limits.body:
        raise _too_large(limits)
    pieces, size = [], 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for piece in request.stream():
                pieces.append(piece)
                size += len(piece)
                if size > limits.body:
                    raise _too_large(limits)
    except TimeoutError:
        message = f"the body did not arrive within {limits.body_seconds:g} s"
        raise RequestError(408, message, {"Connection": "close"}) from None
    return b"".join(pieces)


async def read_json(request: Request, limits: Limits) -> Any:
    """Return the JSON value that a request brings.

    Raises:
        RequestError: it is too large, takes too long, or is no JSON.
        ClientDisconnect: the client has left.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestError(415, "the body must be JSON, with Content-Type: application/json")
    body = await read_body(request, limits)
    try:
        return load_json(body)
    except ValueError:
        raise RequestError(400, "the body is not JSON") from None


def _too_large(limits: Limits) -> RequestError:
    message = f"the body has more than {limits.body:,} bytes"
    return RequestError(413, message, {"Connection": "close"})


__all__ = ["ClientDisconnect", "Limits", "read_body", "read_json"]
