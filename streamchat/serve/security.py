"""Keeps out who may not use the server: by token, by Host and by Origin."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamchat.config import SettingsError
from streamchat.serve.errors import RequestError

PAGE = "/page/"
"""Where the files of the page are, which are the same for everybody."""
_PUBLIC = ("/", "/health")
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  # to recognize them
"""Hosts that mean all addresses of the machine."""
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,200}")
_TOKEN_BYTES = 24
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?|https?://\[[0-9a-f:.]+\](:\d+)?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the URL has the token
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the server.

    Attributes:
        token: what a request must bring.
        hosts: the names that the server has, besides those of loopback and all IP addresses.
        origins: those of other pages that may use it.
    """

    token: str
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def knows_host(self, host: str) -> bool:
        """Whether a request with this Host header means this server.

        A page that has its own name resolve to this machine sends its name. An address is never
        a name.
        """
        name = _read_name(host)
        return name in _LOOPBACK or name in self.hosts or _is_address(name)

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may use the server that has this Host header."""
        return origin in self.origins or _read_place(origin) == host.lower()

    def takes_token(self, candidates: Iterable[str]) -> bool:
        expected = self.token.encode()
        return any(hmac.compare_digest(each.encode(), expected) for each in candidates)


def make_access(
    token: str | None, host: str, names: Iterable[str], origins: Iterable[str]
) -> Access:
    """Return who may use a server.

    Args:
        token: as the user chose it; None for a random one.
        host: where the server listens.
        names: other names that it has.
        origins: those of pages that may use it.

    Raises:
        SettingsError: the token is none, or a name, or an origin.
    """
    if token is None:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
    elif not _TOKEN.fullmatch(token):
        raise SettingsError("--token must be 8 or more letters, digits, and - . _ ~")
    for name in names:
        if not _NAME.fullmatch(name):
            raise SettingsError(f"--allow-host must be a name like agent.example, not {name!r}")
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(f"--cors-origin must be like https://example.org, not {origin!r}")
    own = [socket.gethostname()] if host in EVERYWHERE else [host]
    return Access(token, frozenset(map(str.lower, (*own, *names))), frozenset(origins))


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach a server that listens there."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


class Guard:
    """Refuses requests that may not pass, and adds headers to all responses; ASGI middleware."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self._add_headers(MutableHeaders(scope=message), origin)
            await send(message)

        try:
            self._check_origin(headers, origin)
            if self._is_preflight(scope, headers):
                await Response(status_code=204, headers=_PREFLIGHT)(
                    scope, receive, send_with_headers
                )
                return
            self._check_token(scope, headers)
        except RequestError as error:
            await self._refuse(error, scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _add_headers(self, headers: MutableHeaders, origin: str) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if self._access.origins:
            headers.add_vary_header("Origin")
        if origin in self._access.origins:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = "Retry-After"

    def _check_origin(self, headers: Headers, origin: str) -> None:
        host = headers.get("host", "")
        if not self._access.knows_host(host):
            raise RequestError(403, "the Host header names another server (see --allow-host)")
        if origin and not self._access.allows_origin(origin, host):
            raise RequestError(403, "pages of other origins may not use this (see --cors-origin)")

    def _is_preflight(self, scope: Scope, headers: Headers) -> bool:
        return (
            scope["type"] == "http"
            and scope["method"] == "OPTIONS"
            and headers.get("origin", "") in self._access.origins
            and "access-control-request-method" in headers
        )

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        if _is_public(scope) or self._access.takes_token(_find_tokens(scope, headers)):
            return
        message = "the token is missing or wrong: send it as Authorization: Bearer, or as ?token="
        raise RequestError(401, message, {"WWW-Authenticate": "Bearer"})

    async def _refuse(
        self, error: RequestError, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await error.to_response()(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})


def _is_public(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    return scope["path"] in _PUBLIC or scope["path"].startswith(PAGE)


def _find_tokens(scope: Scope, headers: Headers) -> list[str]:
    query = parse_qs(scope["query_string"].decode("latin-1"))
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = [token.strip()] if scheme.lower() == "bearer" else []
    return [*bearer, *query.get("token", [])]


def _read_name(host: str) -> str:
    """Return the name in a Host header, in lower case and without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _read_place(origin: str) -> str:
    """Return the host and port in an Origin header."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
