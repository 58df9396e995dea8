"""What went wrong between us and a server, in words for a person."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from typing import Any

import openai

from streamchat.models.wire.body import words_of
from streamchat.text.redact import Redactor, redact_url_credentials
from streamchat.text.sanitize import one_line

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
_NO_MODEL = re.compile(
    r"\bmodel\b.{0,200}\b(not found|not exist|unknown|invalid|unavailable|no such)"
    r"|\b(not found|no such|unknown|invalid)\b.{0,30}\bmodel\b",
    re.DOTALL,
)
_NO_QUOTA = re.compile(
    r"insufficient[ _](quota|balance|credit|fund)|exceeded your (current|monthly) quota"
    r"|billing_(hard_limit|not_active)|quota_exceeded"
)
_EMPTY_WORDS = ("", "unprocessable entity", "unprocessable content")
_AGAIN = (408, 409, 429, *range(500, 600))
_NEVER_CONNECTED = ("ConnectError", "ProxyError", "UnsupportedProtocol")
_LIBRARIES = ("httpx", "httpx2", "httpcore", "httpcore2")
_SPEAKING = ("message", "msg", "detail", "error_description", "error", "errors", "title", "reason")
_MOST_DEPTH = 5
LONGEST_WAIT = 30.0
"""Seconds that a server may ask to be left alone for."""
_FIRST_WAIT = 0.5
_LIMIT = 290
"""Characters of a message: with "error: " before it, it is a line of fewer than 300."""


def describe(error: BaseException, redactor: Redactor, models: Sequence[str] = ()) -> str:
    """Returns one line: first the cause, by status and server's words, then what can be done.

    Args:
        error: of whatever library.
        redactor: knows the key, which servers repeat in their answer if it is wrong.
        models: the names the server has, if it says that it has not the one asked for.
    """
    advice = _advice(error, models)
    room = _LIMIT - len(f"; {advice}") if advice else _LIMIT
    cause = one_line(redact_url_credentials(redactor.redact(_cause(error))), room)
    return f"{cause}; {redactor.redact(advice)}" if advice else cause


def _cause(error: BaseException) -> str:
    match error:
        case openai.APITimeoutError():
            return f"timed out: no answer from {_host_of(error)} (--timeout)"
        case openai.APIConnectionError() if _never_connected(error):
            return f"cannot reach {_host_of(error)}: {_innermost(error)}"
        case openai.APIConnectionError():
            return f"the connection to {_host_of(error)} broke off: {_innermost(error)}"
        case openai.APIStatusError(status_code=status) if _is_redirect(error):
            target = error.response.headers["location"]
            return f"{status} from {_host_of(error)}: it redirects to {target}"
        case openai.APIStatusError() if "exceeds the available context size" in _words(error):
            return f"too long for the model: {_words(error).removesuffix(', try increasing it')}"
        case openai.APIStatusError():
            return f"{error.status_code} from {_host_of(error)}: {_words(error)}"
        case openai.APIError() if error.body is None:
            return f"error in the stream from {_host_of(error)}: {error.message}"
        case openai.APIError():
            return f"error in the stream from {_host_of(error)}: {_words(error)}"
        case ValueError() if "No generation chunks" in str(error):
            return "the server sent an empty answer"
        case json.JSONDecodeError() | UnicodeDecodeError():
            return f"the server sent what cannot be read: {error}"
        case _ if is_transport(error):
            return f"the connection broke off: {_innermost(error)}"
        case RecursionError():
            return "the server sent what is nested too deeply"
        case _:
            return f"{type(error).__name__}: {error}"


def _advice(error: BaseException, models: Sequence[str]) -> str:
    """Returns what the user can do."""
    match error:
        case openai.APIStatusError() if _is_redirect(error):
            return "it is not followed; give that server's own address with --base-url"
        case openai.APIStatusError() if is_out_of_quota(error):
            return "the quota is used up: check the account's plan and billing"
        case openai.APIStatusError(status_code=401):
            return "check OPENAI_API_KEY"
        case openai.APIStatusError(status_code=403):
            return "check OPENAI_API_KEY and what it may be used for"
        case openai.APIStatusError() if models:
            return one_line(f"there are: {', '.join(models)}", 150)
        case openai.APIStatusError(status_code=404):
            return "check --base-url and --model"
        case openai.APIStatusError() if (_wanted_wait(error) or 0) > LONGEST_WAIT:
            return f"it asks to be left alone for {_wanted_wait(error):g} s"
        case openai.APIConnectionError() if _refused(error):
            return "is the server running?"
        case openai.APIConnectionError() if _unknown_name(error):
            return "is the address right, and is there a network?"
        case _:
            return ""


def _is_redirect(error: openai.APIStatusError) -> bool:
    return 300 <= error.status_code < 400 and "location" in error.response.headers


def is_transport(error: BaseException) -> bool:
    """Whether the error is of the HTTP library."""
    return type(error).__module__.partition(".")[0] in _LIBRARIES


def host_and_port(url: Any) -> str:
    """Returns the host in the client's form of an address, and port if it is not the usual one."""
    return f"{url.host}:{url.port}" if url.port else str(url.host)


def _host_of(error: openai.APIError) -> str:
    return host_and_port(error.request.url)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _never_connected(error: BaseException) -> bool:
    return any(type(cause).__name__ in _NEVER_CONNECTED for cause in _causes(error))


def _refused(error: BaseException) -> bool:
    return any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error)) or (
        _innermost(error) == os.strerror(errno.ECONNREFUSED)
    )


def _unknown_name(error: BaseException) -> bool:
    return any(isinstance(cause, socket.gaierror) for cause in _causes(error))


def _innermost(error: BaseException) -> str:
    *_, cause = _causes(error)
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed ({cause.reason or cause}); is it an http:// address?"
    if isinstance(cause, OSError) and cause.errno:
        # asyncio words the same failure in its own way; a name that is unknown has a negative one.
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return _PLAINER.get(type(cause).__name__, "") or str(cause) or type(cause).__name__


# The HTTP library speaks of its own states.
_PLAINER = {
    "RemoteProtocolError": "the server closed it, or does not speak HTTP",
    "ReadError": "the server closed it",
    "WriteError": "the server closed it",
    "DecodingError": "what came cannot be unpacked",
}


def _words(error: openai.APIError) -> str:
    if words := own_words(error):
        return words
    if isinstance(error, openai.APIStatusError):
        return HTTPStatus(error.status_code).phrase if _is_known(error.status_code) else "no reason"
    return "no reason given"


def _is_known(status: int) -> bool:
    return status in HTTPStatus.__members__.values()


def own_words(error: BaseException) -> str:
    """The server's own words, which stand in different places; empty if there are none."""
    words = _found(error.body) if isinstance(error, openai.APIError) else ""
    return words_of(words) if words.lstrip().startswith("<") else words.strip()


def _found(body: Any, depth: int = 0) -> str:
    """Returns the text that says what is wrong in an error of any form."""
    match body:
        case str():
            return body
        case list() if depth < _MOST_DEPTH:
            return "; ".join(filter(None, (_found(each, depth + 1) for each in body[:5])))
        case dict() if depth < _MOST_DEPTH:
            found = (_found(body.get(name), depth + 1) for name in _SPEAKING)
            where = body.get("loc")
            place = ".".join(map(str, where)) + ": " if isinstance(where, list) else ""
            words = next(filter(None, found), "")
            return place + words if words else json.dumps(body) if body else ""
        case _:
            return ""


def refuses_tools(error: BaseException) -> bool:
    """Whether the server turned the request down because of the tools or the tool choice."""
    refusal = _refusal(error)
    if refusal is None:
        return False
    words = own_words(refusal).lower()
    if words in _EMPTY_WORDS:
        return refusal.status_code == 422
    return bool(_NO_TOOLS.search(words)) and "context" not in words


def complaint(error: BaseException) -> str:
    """The server's words about a request it turned down, in small letters; empty if it did not."""
    refusal = _refusal(error)
    return own_words(refusal).lower() if refusal else ""


def _refusal(error: BaseException) -> openai.APIStatusError | None:
    """Returns the error if it says that the server turned the request itself down."""
    if isinstance(error, openai.APIStatusError) and error.status_code in _REFUSALS:
        return error
    return None


def is_unknown_model(error: BaseException) -> bool:
    """Whether the server says that it has no model of that name."""
    if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 404):
        return False
    words = own_words(error).lower()
    return error.code == "model_not_found" or bool(_NO_MODEL.search(words))


def is_out_of_quota(error: openai.APIStatusError) -> bool:
    """Whether asking again is of no use, because it is a matter of money."""
    if error.status_code not in (402, 403, 429):
        return False
    told = f"{error.code} {error.type} {own_words(error)}".lower()
    return error.status_code == 402 or bool(_NO_QUOTA.search(told))


def seconds_until_retry(error: BaseException, tries: int) -> tuple[float, bool] | None:
    """Returns how long to wait before asking again, and whether the server wants that.

    None is returned if asking again is of no use, or if the server wants to be left alone for
    longer than `LONGEST_WAIT`: that is for the user to decide.
    """
    if isinstance(error, openai.APITimeoutError):
        return None
    if isinstance(error, openai.APIConnectionError):
        return _FIRST_WAIT * 2**tries, False
    if not isinstance(error, openai.APIStatusError) or error.status_code not in _AGAIN:
        return None
    if is_out_of_quota(error):
        return None
    wanted = _wanted_wait(error)
    if wanted is None:
        return _FIRST_WAIT * 2**tries, False
    return (wanted, True) if wanted <= LONGEST_WAIT else None


def _wanted_wait(error: openai.APIStatusError) -> float | None:
    """Returns the seconds in Retry-After (RFC 9110, section 10.2.3): a number or a date."""
    said = error.response.headers.get("retry-after", "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(said).timestamp() - time()
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = float(math.ceil(max(seconds, 0)))
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
