"""What went wrong between us and a server, in words for a person."""

from __future__ import annotations

import json
import math
import os
import re
import ssl
from collections.abc import Iterator
from typing import Any

import openai

from streamchat.safe import one_line, without_secret

_REFUSALS = (400, 404, 422, 500, 501)
# As vLLM, llama.cpp, Ollama, LM Studio, OpenRouter and others word it. That the word comes up in a
# complaint is not enough: a prompt may be too long "with its tools".
_NO_TOOLS = re.compile(
    r"tool[_ -]?choice|\btools? param|--jinja"
    r"|\b(tools?|functions?)\b.{0,60}\b(not|isn't|aren't|un)[ -]?(support|avail|allow|enabl)"
    r"|support.{0,20}\b(tools?|functions?)\b"
    r"|\b(un\w+|extra|invalid)\b.{0,60}\b(tools|functions)\b",
    re.DOTALL,
)
_EMPTY_WORDS = ("", "bad request", "unprocessable entity")
_BUSY = (429, 500, 502, 503, 529)
_NEVER_CONNECTED = ("ConnectError", "ProxyError", "UnsupportedProtocol")
_LONGEST_WAIT = 20.0
_FIRST_WAIT = 1.0


def describe(error: BaseException, secret: str | None = None) -> str:
    """Returns one line that names the cause: status and server's words, host, or what came.

    The secret is blotted out of it: servers repeat a wrong key in their answer.
    """
    return one_line(without_secret(_describe(error), secret))


def _describe(error: BaseException) -> str:
    match error:
        case openai.APITimeoutError():
            return f"no answer from {_host(error)}: the connection timed out"
        case openai.APIConnectionError() if _never_connected(error):
            return f"cannot reach {_host(error)}: {_innermost(error)}"
        case openai.APIConnectionError():
            return f"the connection to {_host(error)} broke off: {_innermost(error)}"
        case openai.APIStatusError() if 300 <= error.status_code < 400:
            target = error.response.headers.get("location", "nowhere")
            return (
                f"{error.status_code} from {_host(error)}: it redirects to {target}, which is not "
                "followed; give that server's own address with --base-url"
            )
        case openai.APIStatusError() if "exceeds the available context size" in _words(error):
            return f"too long for the model: {_words(error).removesuffix(', try increasing it')}"
        case openai.APIStatusError():
            return f"{error.status_code} from {_host(error)}: {_words(error)}"
        case openai.APIError():
            return f"error in the stream from {_host(error)}: {_words(error)}"
        case ValueError() if "No generation chunks" in str(error):
            return "the server sent an empty stream"
        case json.JSONDecodeError() | UnicodeDecodeError():
            return f"the server sent a stream that cannot be read: {error}"
        case _ if _is_transport(error):
            return f"the connection broke off: {_innermost(error)}"
        case _:
            return f"{type(error).__name__}: {error}"


def _is_transport(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2")


def _host(error: openai.APIError) -> str:
    url = error.request.url
    return f"{url.host}:{url.port}" if url.port else str(url.host)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _never_connected(error: BaseException) -> bool:
    return any(type(cause).__name__ in _NEVER_CONNECTED for cause in _causes(error))


def _innermost(error: BaseException) -> str:
    *_, cause = _causes(error)
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed ({cause.reason or cause}); is it an http:// address?"
    if isinstance(cause, OSError) and cause.errno:
        # asyncio words the same failure in its own way; a name that is unknown has a negative one.
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return str(cause) or type(cause).__name__


def _words(error: openai.APIError) -> str:
    return _own_words(error) or error.message or "no reason given"


def _own_words(error: openai.APIError) -> str:
    """The server's own words, which stand in different places; empty if there are none."""
    body: Any = error.body
    if isinstance(body, dict):
        body = body.get("error", body)
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body
    return body.strip() if isinstance(body, str) else json.dumps(body) if body else ""


def refuses_tools(error: BaseException) -> bool:
    """Whether the server turned the request down because of the tools or the tool choice."""
    refusal = _refusal(error)
    if refusal is None:
        return False
    words = _own_words(refusal).lower()
    if words in _EMPTY_WORDS:
        return refusal.status_code in (400, 422)
    return bool(_NO_TOOLS.search(words)) and "context" not in words


def complaint(error: BaseException) -> str:
    """The server's words about a request it turned down, in small letters; empty if it did not."""
    refusal = _refusal(error)
    return _own_words(refusal).lower() if refusal else ""


def _refusal(error: BaseException) -> openai.APIStatusError | None:
    """Returns the error if it says that the server turned the request itself down."""
    if isinstance(error, openai.APIStatusError) and error.status_code in _REFUSALS:
        return error
    return None


def seconds_until_retry(error: BaseException, tries: int) -> float | None:
    """Returns how long to wait before asking a busy server again; None if not to ask again.

    A server that wants to be left alone for longer than 20 seconds is not asked again: that is
    for the user to decide.
    """
    if not isinstance(error, openai.APIStatusError) or error.status_code not in _BUSY:
        return None
    wanted = _retry_after(error)
    wait = _FIRST_WAIT * 2**tries if wanted is None else wanted
    return wait if wait <= _LONGEST_WAIT else None


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
