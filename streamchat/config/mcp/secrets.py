"""Finds the secrets among what an MCP server is started or called with.

A server may say anything it was given, so no output may contain its secrets. Everything is one that
is called so, and any other value unless it is plain: words, a number, a path. Redacting those would
corrupt ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

from streamchat.config.urls import find_url_credentials

_SECRET_NAME = re.compile("auth|cookie|credential|key|pass|pwd|secret|token", re.IGNORECASE)
_PLAIN = re.compile(r"[a-z]*([-_ ,;:/.][a-z]+)*[-+.,:\d]*|([~.]{0,2}/).*", re.IGNORECASE)
_NAMED_VALUE = re.compile(r"-*([A-Za-z][\w-]*)(?:=|:\s*)(.+)", re.DOTALL)
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{20,}")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\[\]]+", re.IGNORECASE)
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")


def find_reference(value: str) -> str:
    """Return the variable that a value `env:NAME` names; empty for any other value."""
    reference = _ENV.fullmatch(value)
    return reference[1] if reference else ""


def find_secrets(
    values: Mapping[str, str], arguments: Sequence[str] = (), url: str = ""
) -> tuple[str, ...]:
    """Return the secrets.

    Args:
        values: variables or headers, by their names.
        arguments: of a command.
        url: of a server.
    """
    pairs = [*values.items(), *_iter_flags(arguments), *_iter_query(url)]
    found = (secret for name, value in pairs for secret in _split(name, value))
    tokens = (each for each in urlsplit(url).path.split("/") if _TOKEN.fullmatch(each))
    return tuple(dict.fromkeys((*found, *tokens, *find_url_credentials(url))))


def _split(name: str, value: str) -> Iterator[str]:
    """Yield the value if it is secret, and its last word: the token of `Bearer TOKEN`."""
    if not value or find_reference(value):
        return
    if _URL.match(value):
        yield from find_secrets({}, url=value)
    elif _SECRET_NAME.search(name) or not _PLAIN.fullmatch(value):
        yield value
        yield value.split()[-1]


def _iter_flags(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield names and values that look secret: `--token T`, `--token=T`, `Authorization: T`."""
    for word, following in pairwise((*arguments, "")):
        if named := _NAMED_VALUE.fullmatch(word):
            if _SECRET_NAME.search(named[1]):
                yield named[1], named[2]
        elif word.startswith("-") and _SECRET_NAME.search(word) and following[:1] != "-":
            yield word, following


def _iter_query(url: str) -> Iterable[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query)
