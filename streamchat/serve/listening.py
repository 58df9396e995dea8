"""Where the server listens, and what it says about that."""

from __future__ import annotations

import logging
import socket

import uvicorn

from streamchat.serve import ServeError
from streamchat.serve.options import ServeOptions
from streamchat.serve.patience import ImpatientProtocol
from streamchat.serve.security import EVERYWHERE, is_loopback

_BACKLOG = 2048
_LAST_SECONDS = 5
"""Seconds that clients have to take what is left once all runs have ended."""


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        ServeError: it cannot.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", "") or str(error)
        raise ServeError(f"cannot listen on {host}, port {port}: {why} (--host, --port)") from None


def make_config(app: object, options: ServeOptions, **more: object) -> uvicorn.Config:
    """Return uvicorn's configuration. It logs nothing: a URL may have the token."""
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    values = {
        "http": ImpatientProtocol,
        "ws": "websockets-sansio",
        "ws_max_size": options.limits.body,
        "loop": "asyncio",
        "lifespan": "off",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "backlog": _BACKLOG,
        "timeout_graceful_shutdown": _LAST_SECONDS,
    }
    return uvicorn.Config(app, **values | more)  # type: ignore[arg-type]


def introduce(options: ServeOptions, listener: socket.socket, model: str) -> list[str]:
    """Return what to say at the start: where the server is, and what is risky."""
    host, port = listener.getsockname()[:2]
    if options.host in EVERYWHERE:
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    lines = [f"http://{shown}:{port}/?token={options.access.token} ({model}; Ctrl-C stops it)"]
    if not is_loopback(options.host):
        lines.append(
            "warning: other machines can reach this server; whoever has the token can use it, "
            "and reads along without HTTPS"
        )
    return lines
