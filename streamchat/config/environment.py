"""The environment variables that the libraries below read, checked before they do.

Their own errors would name neither the variable nor what to do, or would blame the server.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import TypeAlias

from streamchat.config.checks import quote_url
from streamchat.config.proxies import Proxy, check_proxy, find_proxy, find_variable
from streamchat.config.reading import check_regular_file
from streamchat.config.setting import SettingsError
from streamchat.config.urls import find_url_credentials
from streamchat.text.surrogates import has_surrogates

Check: TypeAlias = Callable[[str], object]
"""Raises OSError, or ValueError with a message that completes the sentence "NAME must be ..."."""
_HEADERS = "OPENAI_CUSTOM_HEADERS"
_PRINTABLE = re.compile("[ -~]*")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:([ -~\t]*)")
_FRAMING = {"connection", "content-length", "host", "transfer-encoding"}
_SECRET_HEADER = re.compile("auth|cookie|key|secret|token", re.IGNORECASE)
_INTEGER = re.compile("[+-]?[0-9]{1,9}")
_FALSE = ("0", "false", "False")
_MOST_BYTES = 50_000_000
"""Of a file of certificates; usual ones have 200,000."""


class Use(Enum):
    """When a variable is used."""

    ALWAYS = auto()
    SERVER = auto()
    """For a server, but not for a model inside this process."""
    TLS = auto()
    """For a server or a proxy at an https:// address."""
    PROXY = auto()
    """If it names the proxy of the server, or servers without a proxy."""


def check_text(text: str) -> None:
    if has_surrogates(text):
        raise ValueError("UTF-8 text")


def check_header_value(text: str) -> None:
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("printable ASCII text")


def read_headers(text: str) -> dict[str, str]:
    """Return the headers in lines of NAME: VALUE."""
    headers = {}
    for line in filter(None, map(str.strip, text.split("\n"))):
        header = _HEADER.fullmatch(line)
        if not header or header[1].lower() in _FRAMING:
            raise ValueError("lines of NAME: VALUE in ASCII, without headers such as Host")
        headers[header[1]] = header[2].strip()
    return headers


def check_integer(text: str) -> None:
    if not _INTEGER.fullmatch(text):
        raise ValueError("a whole number")


def check_unset(text: str) -> None:
    if text not in _FALSE:
        raise ValueError("unset: LangChain no longer supports it; --trace traces in LangSmith")


def check_log_file(path: str) -> None:
    # OpenSSL would wait at a FIFO that nobody reads.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    os.close(os.open(path, flags, 0o600))


def check_certificates(path: str) -> None:
    import ssl  # takes a while, and is rarely needed here

    check_regular_file(Path(path), _MOST_BYTES)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise ValueError("a file of certificates in PEM format") from None


def check_directories(paths: str) -> None:
    first, *others = paths.split(os.pathsep)
    if not any(Path(each).is_dir() for each in others):
        os.scandir(first).close()


VARIABLES: Mapping[str, tuple[Use, Check]] = {
    # langchain-openai and httpx2
    "OPENAI_PROXY": (Use.PROXY, check_proxy),
    "HTTP_PROXY": (Use.PROXY, check_proxy),
    "HTTPS_PROXY": (Use.PROXY, check_proxy),
    "ALL_PROXY": (Use.PROXY, check_proxy),
    "NO_PROXY": (Use.PROXY, check_text),
    # httpx2; the directory only if no file is set
    "SSL_CERT_FILE": (Use.TLS, check_certificates),
    "SSL_CERT_DIR": (Use.TLS, check_directories),
    # openai and langchain-openai
    "OPENAI_ORG_ID": (Use.SERVER, check_header_value),
    "OPENAI_ORGANIZATION": (Use.SERVER, check_header_value),
    "OPENAI_PROJECT_ID": (Use.SERVER, check_header_value),
    _HEADERS: (Use.ALWAYS, read_headers),
    # Python's ssl, when langchain-openai is imported
    "SSLKEYLOGFILE": (Use.ALWAYS, check_log_file),
    # langchain-core
    "LANGCHAIN_TRACING": (Use.ALWAYS, check_unset),
    "LANGCHAIN_HANDLER": (Use.ALWAYS, check_unset),
    # langsmith, when it is imported
    "LANGSMITH_RUN_COMPRESSION_LEVEL": (Use.ALWAYS, check_integer),
    "LANGCHAIN_RUN_COMPRESSION_LEVEL": (Use.ALWAYS, check_integer),
    "LANGSMITH_RUN_COMPRESSION_THREADS": (Use.ALWAYS, check_integer),
    "LANGCHAIN_RUN_COMPRESSION_THREADS": (Use.ALWAYS, check_integer),
}


@dataclass(frozen=True, slots=True)
class Network:
    """What the environment says about the connections to a server.

    Attributes:
        proxy: the proxy to use, if any.
        uses_tls: whether certificates are needed.
        trust: the variable that names the certificates to trust; empty for those of the system.
        organization: sent to OpenAI.
        project: sent to OpenAI.
        secrets: what no output may contain.
    """

    proxy: Proxy | None = None
    uses_tls: bool = False
    trust: str = ""
    organization: str | None = None
    project: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


def read_network(url: str | None, environment: Mapping[str, str] | None = None) -> Network:
    """Return what the environment says about the connections to a server.

    Args:
        url: of the server; None for a model inside this process.
        environment: the variables; by default those of the process.

    Raises:
        SettingsError: a variable cannot be used, and would be; the message names it.
    """
    found = os.environ if environment is None else environment
    given = {name: value for name in VARIABLES if (value := found.get(name, "").strip())}
    _check(given, Use.ALWAYS)
    headers = read_headers(given.get(_HEADERS, ""))
    secrets = [value for name, value in headers.items() if _SECRET_HEADER.search(name)]
    if url is None:
        return Network(secrets=tuple(secrets))
    _check(given, Use.SERVER)
    proxy = _read_proxy(url, found)
    uses_tls = any(each and each.startswith("https:") for each in (url, proxy and proxy.url))
    trust = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in given), "")
    if uses_tls and trust:
        _check_one(trust, given[trust], VARIABLES[trust][1])
    return Network(
        proxy=proxy,
        uses_tls=uses_tls,
        trust=trust if uses_tls else "",
        organization=given.get("OPENAI_ORG_ID") or given.get("OPENAI_ORGANIZATION"),
        project=given.get("OPENAI_PROJECT_ID"),
        secrets=(*secrets, *find_url_credentials(proxy.url if proxy else None)),
    )


def _read_proxy(url: str, environment: Mapping[str, str]) -> Proxy | None:
    proxy = find_proxy(url, environment)
    if proxy:
        _check_one(*find_variable("no_proxy", environment), check_text)
        _check_one(proxy.variable, proxy.url, check_proxy)
    return proxy


def _check(given: Mapping[str, str], use: Use) -> None:
    for name, value in given.items():
        if VARIABLES[name][0] is use:
            _check_one(name, value, VARIABLES[name][1])


def _check_one(name: str, value: str, check: Check) -> None:
    got = "" if name == _HEADERS else quote_url(value)
    try:
        check(value)
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}{got}") from None
    except ValueError as error:
        raise SettingsError(f"{name} must be {error}{got}") from None
