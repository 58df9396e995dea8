"""What went wrong with a request, in one line for the user: the cause, then what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus

import openai

from streamchat.config import OPENAI_KEY
from streamchat.models.refusals import is_out_of_quota, read_server_message
from streamchat.models.retry import MAX_WAIT, is_rate_limit, read_retry_after
from streamchat.models.transport import (
    describe_disconnect,
    find_reason,
    format_host,
    is_refused,
    is_transport_error,
    is_unknown_host,
    never_connected,
)
from streamchat.text.redact import Redactor, redact_url_credentials
from streamchat.text.sanitize import one_line

_MAX_LENGTH = 290
"""Characters of a message. With "error: " before it, the line stays below 300."""


def describe(
    error: BaseException,
    redactor: Redactor,
    models: Sequence[str] = (),
    key_variable: str = OPENAI_KEY,
) -> str:
    """Return one line: the cause, by status and the server's words, then what to do.

    Args:
        error: of any library.
        redactor: knows the key, which some servers repeat when it is wrong.
        models: the server's models, if it does not have the requested one.
        key_variable: the environment variable that the key comes from.
    """
    advice = _advise(error, models, key_variable)
    room = _MAX_LENGTH - len(f"; {advice}") if advice else _MAX_LENGTH
    cause = one_line(redact_url_credentials(redactor.redact(_describe_cause(error))), room)
    return f"{cause}; {redactor.redact(advice)}" if advice else cause


def _describe_cause(error: BaseException) -> str:
    match error:
        case openai.APITimeoutError():
            return f"timed out: no answer from {_host_of(error)} (--timeout)"
        case openai.APIConnectionError() if never_connected(error):
            return f"cannot reach {_host_of(error)}: {find_reason(error)}"
        case openai.APIConnectionError():
            return describe_disconnect(error, _host_of(error))
        case openai.APIStatusError(status_code=status) if _is_redirect(error):
            target = error.response.headers["location"]
            return f"{status} from {_host_of(error)}: it redirects to {target}"
        case openai.APIStatusError() if "exceeds the available context size" in _reason(error):
            return f"too long for the model: {_reason(error).removesuffix(', try increasing it')}"
        case openai.APIStatusError():
            return f"{error.status_code} from {_host_of(error)}: {_reason(error)}"
        case openai.APIError() if error.body is None:
            return f"invalid response from {_host_of(error)}: {error.message}"
        case openai.APIError():
            return f"error in the stream from {_host_of(error)}: {_reason(error)}"
        case ValueError() if "No generation chunks" in str(error):
            return "the server sent an empty answer"
        case json.JSONDecodeError() | UnicodeDecodeError():
            return f"the server's response is invalid: {error}"
        case RecursionError():
            return "the server's response is invalid: nested too deeply"
        case _ if is_transport_error(error):
            return describe_disconnect(error, "the server")
        case _:
            return f"{type(error).__name__}: {error}"


def _advise(error: BaseException, models: Sequence[str], key_variable: str) -> str:
    match error:
        case openai.APIStatusError() if _is_redirect(error):
            return "redirects are not followed; set --base-url to the server's own address"
        case openai.APIStatusError() if is_out_of_quota(error):
            return "the quota is used up: check the account's plan and billing"
        case openai.APIStatusError(status_code=401):
            return f"check {key_variable}"
        case openai.APIStatusError(status_code=403):
            return f"check {key_variable} and its permissions"
        case openai.APIStatusError() if models:
            return one_line(f"available models: {', '.join(models)}", 150)
        case openai.APIStatusError(status_code=404):
            return "check --base-url and --model"
        case openai.APIStatusError() if (wait := read_retry_after(error) or 0) > MAX_WAIT:
            limited = "rate limited, " if is_rate_limit(error) else ""
            return f"{limited}try again in {wait:g} s"
        case openai.APIConnectionError() if is_refused(error):
            return "is the server running?"
        case openai.APIConnectionError() if is_unknown_host(error):
            return "check the address and the network"
        case _:
            return ""


def _is_redirect(error: openai.APIStatusError) -> bool:
    return 300 <= error.status_code < 400 and "location" in error.response.headers


def _host_of(error: openai.APIError) -> str:
    return format_host(error.request.url)


def _reason(error: openai.APIError) -> str:
    if message := read_server_message(error):
        return message
    phrases = {status.value: status.phrase for status in HTTPStatus}
    status = error.status_code if isinstance(error, openai.APIStatusError) else 0
    return phrases.get(status, "no reason given")
