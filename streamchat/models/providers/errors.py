"""Expresses the errors of providers' libraries as those of the OpenAI client.

The rest of the program judges these: whether a retry helps, what the server refused, and what to
tell the user. The libraries share no types, so errors are recognized by their attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import openai

from streamchat.models.providers import aws

_RETRY_INFO = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")


class ProviderStatusError(openai.APIStatusError):
    """A provider refused a request."""


def translate_error(error: Exception, name: str) -> Exception:
    """Return the error of the OpenAI client that says the same; the error itself if none does.

    Args:
        error: of a provider's library.
        name: stands for the host where the error does not tell it.
    """
    if isinstance(error, openai.APIError):
        return error
    causes = list(_walk_causes(error))
    request = httpx2.Request("POST", next(filter(None, map(_find_url, causes)), f"https://{name}"))
    for cause in causes:
        if refusal := aws.read_refusal(cause):
            body = {"error": {"message": refusal.message, "code": refusal.code}}
            return _make_refusal(refusal.message, refusal.status, refusal.wait, request, body)
        if (status := _find_status(cause)) is not None:
            return _make_status_error(cause, status, request)
    for cause in causes:
        if found := _make_connection_error(cause, request):
            return found
    return error


def make_cut_error(name: str) -> Exception:
    """Return the error of a stream that ended early, though its connection was closed in order."""
    error = openai.APIConnectionError(request=httpx2.Request("POST", f"https://{name}"))
    error.__cause__ = httpx2.RemoteProtocolError("incomplete response")
    return error


def _walk_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _find_url(cause: BaseException) -> str:
    """Return the address that a request went to, if the error knows it."""
    for holder in (cause, getattr(cause, "response", None)):
        try:
            url = str(holder.request.url)  # type: ignore[union-attr]
        except (AttributeError, RuntimeError):  # HTTPX raises RuntimeError if there is no request
            continue
        if url.startswith("http"):
            return url
    return ""


def _find_status(cause: BaseException) -> int | None:
    """Return the status of an error response: 0 if a stream reported the error, None if neither."""
    response = getattr(cause, "response", None)
    candidates = (
        *(getattr(cause, name, None) for name in ("status_code", "code")),
        getattr(response, "status_code", None),
    )
    status = next((each for each in candidates if isinstance(each, int)), None)
    return status if status is None or status >= 300 else 0


def _make_status_error(cause: BaseException, status: int, request: httpx2.Request) -> Exception:
    body = _find_body(cause)
    if not status:
        return openai.APIError(str(cause), request, body=body)
    headers = getattr(getattr(cause, "response", None), "headers", None)
    wait = (isinstance(headers, Mapping) and headers.get("retry-after")) or _find_retry_info(body)
    return _make_refusal(str(cause), status, str(wait or ""), request, body)


def _make_refusal(
    message: str, status: int, wait: str, request: httpx2.Request, body: object
) -> Exception:
    headers = {"retry-after": wait} if wait else {}
    response = httpx2.Response(status, headers=headers, request=request)
    return ProviderStatusError(message, response=response, body=body)


def _find_body(cause: BaseException) -> object:
    """Return what the server sent: as JSON from the larger libraries, else as text."""
    found = (getattr(cause, name, None) for name in ("body", "details", "error"))
    return next(filter(None, found), str(cause))


def _find_retry_info(body: object) -> str:
    """Return the seconds to wait that Google puts into the body."""
    match body:
        case {"error": error}:
            return _find_retry_info(error)
        case {"details": [*details]}:
            delays = (each.get("retryDelay") for each in details if isinstance(each, dict))
            found = (_RETRY_INFO.fullmatch(str(each)) for each in delays)
            return next((each[1] for each in found if each), "")
        case _:
            return ""


def _make_connection_error(cause: BaseException, request: httpx2.Request) -> Exception | None:
    twin = _find_twin(cause)
    if twin is None:
        return None
    if issubclass(twin, httpx2.TimeoutException):
        return openai.APITimeoutError(request)
    error = openai.APIConnectionError(message=str(cause), request=request)
    error.__cause__ = twin(str(cause))
    error.__cause__.__cause__ = cause.__cause__ or cause.__context__
    return error


def _find_twin(cause: BaseException) -> type[Exception] | None:
    """Return the class of httpx2 for an error of that library, of httpx or of a socket."""
    if type(cause).__module__.partition(".")[0] in ("httpx", "httpx2"):
        twin: Any = getattr(httpx2, type(cause).__name__, None)
        return twin if isinstance(twin, type) and issubclass(twin, httpx2.TransportError) else None
    if name := aws.find_twin(cause):
        return getattr(httpx2, name)  # type: ignore[no-any-return]
    return httpx2.ConnectError if isinstance(cause, ConnectionError) else None
