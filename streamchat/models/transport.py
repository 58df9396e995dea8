"""Errors of the HTTP library that the OpenAI client uses."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpx2

from streamchat.config.environment import Network

NETWORK = "streamchat.network"
"""The extension of a request that holds its `Network`."""
_UNKNOWN_ISSUER = (18, 19, 20, 21)
"""OpenSSL's codes for certificates that nobody signed who is trusted."""
_NEVER_CONNECTED = (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol)


def is_transport_error(error: BaseException) -> bool:
    return isinstance(error, httpx2.HTTPError | httpx2.StreamError)


def format_host(url: Any) -> str:
    """Return the host of the client's URL object, with the port unless it is the default one."""
    return f"{url.host}:{url.port}" if url.port else str(url.host)


def format_route(url: Any, network: Network) -> str:
    """Return the host, and the proxy on the way to it if there is one."""
    through = f" through the proxy {network.proxy}" if network.proxy else ""
    return format_host(url) + through


def find_network(request: httpx2.Request) -> Network:
    """Return what the environment said about the connection of a request."""
    network = request.extensions.get(NETWORK)
    return network if isinstance(network, Network) else Network()


def never_connected(error: BaseException) -> bool:
    """Whether the request failed before there was a connection."""
    return any(isinstance(cause, _NEVER_CONNECTED) for cause in _walk_causes(error))


def is_refused(error: BaseException) -> bool:
    """Whether nothing listens on the port."""
    return any(isinstance(cause, ConnectionRefusedError) for cause in _walk_causes(error)) or (
        find_reason(error) == os.strerror(errno.ECONNREFUSED)
    )


def is_unknown_host(error: BaseException) -> bool:
    """Whether the host name cannot be resolved."""
    return any(isinstance(cause, socket.gaierror) for cause in _walk_causes(error))


def is_untrusted(error: BaseException) -> bool:
    """Whether nobody who is trusted signed the certificate."""
    *_, cause = _walk_causes(error)
    return isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in _UNKNOWN_ISSUER


def is_proxy_at_fault(error: BaseException) -> bool:
    """Whether a request through a proxy failed before there was a connection to the server."""
    *causes, innermost = _walk_causes(error)
    if isinstance(innermost, ssl.SSLError):
        return False
    return any(isinstance(each, _NEVER_CONNECTED) for each in (*causes, innermost))


def is_proxy_login_refused(error: BaseException) -> bool:
    """Whether the proxy wants another user name or password."""
    refusals = ("407 ", "Invalid username/password")
    causes = (each for each in _walk_causes(error) if isinstance(each, httpx2.ProxyError))
    return any(str(each).startswith(refusals) for each in causes)


def describe_no_connection(error: BaseException, url: Any, network: Network) -> str:
    """Return why there was no connection to the server."""
    reason = find_reason(error)
    if not network.proxy or not is_proxy_at_fault(error):
        return f"cannot reach {format_route(url, network)}: {reason}"
    if any(isinstance(cause, httpx2.ProxyError) for cause in _walk_causes(error)):
        return f"the proxy {network.proxy} did not connect to {format_host(url)}: {reason}"
    return f"cannot reach the proxy {network.proxy}: {reason}"


def describe_disconnect(error: BaseException, host: str) -> str:
    """Return how a connection that was once open failed."""
    *causes, innermost = _walk_causes(error)
    if not (isinstance(innermost, OSError) and innermost.errno):
        for cause in (*causes, innermost):
            match cause:
                case httpx2.RemoteProtocolError() if "incomplete" in str(cause):
                    return f"{host} closed the connection in the middle of the response"
                case httpx2.RemoteProtocolError():
                    return f"{host} closed the connection (or does not speak HTTP)"
                case httpx2.ReadError() | httpx2.WriteError():
                    return f"{host} closed the connection"
                case httpx2.DecodingError():
                    return f"the response from {host} cannot be decompressed"
    return f"lost the connection to {host}: {find_reason(error)}"


def find_reason(error: BaseException) -> str:
    """Return the reason that the operating system, or whatever failed first, gives."""
    *_, cause = _walk_causes(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message.rstrip('.')})"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed ({cause.reason or cause}); is it an http:// address?"
    if isinstance(cause, OSError) and cause.errno:
        # asyncio has its own wording of the same failure. Errors of name resolution are negative.
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return str(cause) or type(cause).__name__


def _walk_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
