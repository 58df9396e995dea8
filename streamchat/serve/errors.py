"""Refusals: what is wrong with a request, as an HTTP status and a JSON body in OpenAI's form."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class RequestError(Exception):
    """A request is refused.

    Args:
        status: of HTTP.
        message: says why in one line, without secrets.
        headers: of the response.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    @property
    def type(self) -> str:
        """What kind of error it is, in OpenAI's words."""
        other = "server_error" if self.status >= 500 else "invalid_request_error"
        return _TYPES.get(self.status, other)

    def to_dict(self) -> dict[str, dict[str, str]]:
        return {"error": {"message": self.message, "type": self.type}}

    def to_response(self) -> Response:
        return JSONResponse(self.to_dict(), self.status, self.headers)


class Busy(RequestError):  # noqa: N818  # it is no error of anybody's
    """As many runs as are allowed are under way.

    Attributes:
        retry_after: seconds after which to try again.
    """

    def __init__(self, most: int, retry_after: float) -> None:
        self.retry_after = retry_after
        message = f"{most} runs are under way, and no more are allowed; try again later"
        super().__init__(429, message, {"Retry-After": str(ceil(retry_after))})


class ShuttingDown(RequestError):  # noqa: N818
    """The server is about to end."""

    def __init__(self) -> None:
        super().__init__(503, "the server is shutting down", {"Connection": "close"})


async def answer_refusal(request: Request, error: Exception) -> Response:
    """Answer a request that is refused."""
    assert isinstance(error, RequestError)
    return error.to_response()


async def answer_status(request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses, such as an unknown path, in the same form."""
    assert isinstance(error, HTTPException)
    what = HTTPStatus(error.status_code).phrase.lower()
    if error.status_code == 404:
        what = f"{what}; streamchat help serve lists the endpoints"
    elif allowed := (error.headers or {}).get("Allow"):
        what = f"{what}; allowed: {allowed}"
    return RequestError(error.status_code, what, error.headers).to_response()


async def answer_failure(request: Request, error: Exception) -> Response:
    """Answer a request that a fault of the server makes fail."""
    return RequestError(500, "the server failed; its own output says why").to_response()


async def answer_nobody(request: Request, error: Exception) -> Response:
    """Answer a client that has left, for those who log the status."""
    return Response(status_code=499)


HANDLERS: dict[Any, Any] = {
    RequestError: answer_refusal,
    HTTPException: answer_status,
    ClientDisconnect: answer_nobody,
    Exception: answer_failure,
}
"""What Starlette answers exceptions with."""
