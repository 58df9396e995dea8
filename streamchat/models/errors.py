"""What went wrong with a request, in one line for the user: the cause, then what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus

import openai

from streamchat.config import OPENAI_KEY
from streamchat.models.providers.aws import lacks_credentials
from streamchat.models.providers.errors import ProviderStatusError
from streamchat.models.refusals import is_out_of_quota, read_server_message
from streamchat.models.retry import MAX_WAIT, is_rate_limit, read_retry_after
from streamchat.models.transport import (
    describe_disconnect,
    describe_no_connection,
    find_network,
    format_host,
    format_route,
    is_proxy_at_fault,
    is_proxy_login_refused,
    is_refused,
    is_transport_error,
    is_unknown_host,
    is_untrusted,
    never_connected,
)
from streamchat.text.redact import Redactor, redact_url_credentials
from streamchat.text.sanitize import one_line

_MAX_LENGTH = 290
"""Characters of a message. With "error: " before it, the line stays below 300."""
_FROM_PROXIES = (502, 503, 504)
"""What proxies answer when they cannot reach a server."""


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
        key_variable: the environment variable that the key comes from; empty if none does.
    """
    advice = _advise(error, models, key_variable)
    room = _MAX_LENGTH - len(f"; {advice}") if advice else _MAX_LENGTH
    cause = one_line(redact_url_credentials(redactor.redact(_describe_cause(error))), room)
    return f"{cause}; {redactor.redact(advice)}" if advice else cause


def _describe_cause(error: BaseException) -> str:
    match error:
        case openai.APITimeoutError():
            return f"timed out: no answer from {_route_of(error)} (--timeout)"
        case openai.APIConnectionError() if never_connected(error):
            return describe_no_connection(error, error.request.url, find_network(error.request))
        case openai.APIConnectionError():
            return describe_disconnect(error, _route_of(error))
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
        case _ if lacks_credentials(error):
            return f"no valid AWS credentials: {error}"
        case _:
            return f"{type(error).__name__}: {error}"


def _advise(error: BaseException, models: Sequence[str], key_variable: str) -> str:
    match error:
        case openai.APIStatusError() if _is_redirect(error):
            return "redirects are not followed; set --base-url to the server's own address"
        case openai.APIStatusError() if is_out_of_quota(error):
            return "the quota is used up: check the account's plan and billing"
        case ProviderStatusError(status_code=401 | 403) if not key_variable:
            return "check the credentials and their permissions"
        case openai.APIStatusError(status_code=401):
            return f"check {key_variable}"
        case ProviderStatusError(status_code=400) if "api key" in _reason(error).lower():
            return f"check {key_variable}"  # Google's status for a wrong key
        case openai.APIStatusError(status_code=403):
            proxy = find_network(error.request).proxy if _is_forwarded(error) else None
            other = f", or {proxy.variable}" if proxy else ""
            return f"check {key_variable} and its permissions{other}"
        case openai.APIStatusError() if models:
            return one_line(f"available models: {', '.join(models)}", 150)
        case ProviderStatusError(status_code=404):
            return "check --model"
        case openai.APIStatusError(status_code=404):
            return "check --base-url and --model"
        case openai.APIStatusError() if (wait := read_retry_after(error) or 0) > MAX_WAIT:
            limited = "rate limited, " if is_rate_limit(error) else ""
            return f"{limited}try again in {wait:g} s"
        case openai.APIError() if advice := _advise_on_environment(error):
            return advice
        case openai.APIConnectionError() if is_refused(error):
            return "is the server running?"
        case openai.APIConnectionError() if is_unknown_host(error):
            return "check the address and the network"
        case _ if lacks_credentials(error):
            return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        case _:
            return ""


def _advise_on_environment(error: openai.APIError) -> str:
    """Return what to do about variables of the environment that may be at fault."""
    network = find_network(error.request)
    status = error.status_code if isinstance(error, openai.APIStatusError) else None
    if is_untrusted(error) and network.trust:
        return f"{network.trust} names the certificates to trust"
    if is_untrusted(error):
        return "set SSL_CERT_FILE to a file with the certificate of whoever signed it"
    proxy = network.proxy
    if proxy is None:
        return ""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED or is_proxy_login_refused(error):
        return f"check the user name and the password in {proxy.variable}"
    if is_proxy_at_fault(error) or (_is_forwarded(error) and status in _FROM_PROXIES):
        return f"check {proxy.variable}, or add the server to NO_PROXY"
    return ""


def _is_redirect(error: openai.APIStatusError) -> bool:
    return 300 <= error.status_code < 400 and "location" in error.response.headers


def _is_forwarded(error: openai.APIError) -> bool:
    """Whether the response may be a proxy's: it only passes TLS through."""
    return find_network(error.request).proxy is not None and error.request.url.scheme == "http"


def _route_of(error: openai.APIError) -> str:
    return format_route(error.request.url, find_network(error.request))


def _host_of(error: openai.APIError) -> str:
    """Return the server's host, and the proxy if the response may be from there."""
    return _route_of(error) if _is_forwarded(error) else format_host(error.request.url)


def _reason(error: openai.APIError) -> str:
    if message := read_server_message(error):
        return message
    phrases = {status.value: status.phrase for status in HTTPStatus}
    status = error.status_code if isinstance(error, openai.APIStatusError) else 0
    return phrases.get(status, "no reason given")
