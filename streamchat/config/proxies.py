"""The proxy that the environment names for a server, as curl and HTTPX choose it."""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import SplitResult, urlsplit

_SYSTEM = "the system's proxy settings"
_SCHEMES = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The kinds of proxies, and their default ports."""
_KINDS = "http://, https://, socks5:// or socks5h://"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        url: with the user name and password, if it needs them.
        variable: the environment variable that names it.
    """

    url: str = field(repr=False)
    variable: str

    def __str__(self) -> str:
        """Return the host, the port and the variable, as shown to the user."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or _SCHEMES[parts.scheme]} ({self.variable})"


def find_proxy(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for requests to a URL; None if they go straight to the server.

    Whether it can be used is for `check_proxy` to say.
    """
    server = urlsplit(url)
    named = next((each for each in _list_variables(server.scheme, environment) if each[1]), None)
    _, exceptions = find_variable("no_proxy", environment)
    if named is None or _is_exempt(server, exceptions):
        return None
    variable, value = named
    return Proxy(value if "://" in value else f"http://{value}", variable)


def _list_variables(scheme: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that may name a proxy, and their values; the first that has one counts.

    `OPENAI_PROXY` is LangChain's.
    """
    yield "OPENAI_PROXY", environment.get("OPENAI_PROXY", "").strip()
    yield find_variable(f"{scheme}_proxy", environment)
    yield find_variable("all_proxy", environment)
    if sys.platform == "darwin" and not any(
        name.lower().endswith("_proxy") for name in environment
    ):
        from urllib.request import getproxies

        yield _SYSTEM, getproxies().get(scheme, "")


def find_variable(name: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return a variable and its value; the lower-case name comes first, even if it is empty."""
    if name in environment:
        return name, environment[name].strip()
    # A CGI program's HTTP_PROXY comes from the request (CVE-2016-1000110).
    is_cgi = name == "http_proxy" and "REQUEST_METHOD" in environment
    found = next((each for each in environment if each.lower() == name and not is_cgi), name)
    return found, environment.get(found, "").strip()


def check_proxy(url: str) -> None:
    """Check that connections through a proxy can be set up.

    Raises:
        ValueError: they cannot; the message completes the sentence "NAME must be ...".
    """
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        is_url = bool(parts.hostname and parts.port != 0 and url.isprintable() and " " not in url)
    except ValueError:  # a bad port, IPv6 address or host name
        is_url = False
    if not is_url or parts.scheme not in _SCHEMES:
        raise ValueError(f"a URL that begins with {_KINDS}")
    if parts.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ValueError(
            "an HTTP proxy: support for SOCKS is not installed; "
            "install it with: pip install 'streamchat[socks]'"
        )


def _is_exempt(server: SplitResult, exceptions: str) -> bool:
    """Whether NO_PROXY lists the server."""
    return any(_matches(server, each) for each in exceptions.replace(",", " ").split())


def _matches(server: SplitResult, entry: str) -> bool:
    """Whether an entry of NO_PROXY means the server.

    It may be a host with its subdomains, `.domain` or `*.domain` for the subdomains alone, an
    address, a network such as 10.0.0.0/8, or `*` for everything; a port or a scheme narrows it.
    What cannot be parsed means nothing.
    """
    if entry == "*":
        return True
    host = (server.hostname or "").rstrip(".")
    try:
        network = ipaddress.ip_network(re.sub(r"[\[\]]", "", entry), strict=False)
        return ipaddress.ip_address(host) in network
    except ValueError:
        pass
    try:
        wanted = urlsplit(entry if "://" in entry else f"all://{entry}")
        port = wanted.port
    except ValueError:
        return False
    if wanted.scheme not in ("all", server.scheme):
        return False
    if port and port != (server.port or _SCHEMES[server.scheme]):
        return False
    name = (wanted.hostname or "").rstrip(".")
    if name.startswith(("*.", ".")):
        return host.endswith(name.lstrip("*"))
    return bool(name) and (host == name or (not _is_address(host) and host.endswith(f".{name}")))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
