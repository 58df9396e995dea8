"""How `--mcp` names a server: by a command or a URL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePath
from urllib.parse import urlsplit

from streamchat.config.mcp.server import McpServer
from streamchat.config.urls import check_url

NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
NAME_REQUIREMENT = "at most 32 letters, digits, - and _"
_NAMED = re.compile(rf"({NAME.pattern})=(.+)", re.DOTALL)
_URL = re.compile("https?:", re.IGNORECASE)
_LAUNCHERS = frozenset(
    {
        *("npx", "bunx", "uvx", "pipx", "uv", "node", "bun", "deno", "docker", "podman", "pnpm"),
        *("env", "sh", "bash", "python", "python3", "run", "dlx", "exec", "x", "tool"),
    }
)
"""Words of a command that say how to run a server, and not which."""
_WITH_VALUE = frozenset(
    {
        *("-e", "--env", "-v", "--volume", "--mount", "--network", "--name", "-p", "--package"),
        *("--from", "--with", "--directory", "--project", "--python"),
    }
)
"""Flags of those programs that the next word belongs to."""
_AFFIXES = re.compile(
    "^(mcp[-_]server[-_]|server[-_]|mcp[-_])|([-_]mcp[-_]server|[-_]server|[-_]mcp)$"
)


def parse_servers(texts: Iterable[str]) -> tuple[McpServer, ...]:
    """Return the servers that texts name; a derived name that is taken gets a number.

    Raises:
        ValueError: as for `parse_server`, or two have the same name.
    """
    servers: dict[str, McpServer] = {}
    for text in texts:
        server = parse_server(text)
        if server.name in servers and _NAMED.fullmatch(text.strip()):
            raise ValueError(f"servers of different names, and two are called {server.name}")
        numbered = (f"{server.name[:29]}-{number}" for number in range(2, 100))
        name = next(each for each in (server.name, *numbered) if each not in servers)
        servers[name] = replace(server, name=name, flag=text.strip())
    return tuple(servers.values())


def parse_server(text: str) -> McpServer:
    """Return the server that a URL or a command names, perhaps after `NAME=`.

    Raises:
        ValueError: the message completes the sentence "NAME must be ...".
    """
    text = text.strip()
    named = _NAMED.fullmatch(text)
    name, place = (named[1], named[2].strip()) if named else ("", text)
    if _URL.match(place):
        check_url(place)
        return McpServer(name or make_name(urlsplit(place).hostname or ""), url=place)
    import shlex  # rarely needed

    try:
        words = shlex.split(place)
    except ValueError:
        raise ValueError("a command or a URL, and a quote in this one is not closed") from None
    if not words or not words[0]:
        raise ValueError("a command or a URL")
    return McpServer(name or _derive_name(words), words[0], tuple(words[1:]))


def make_name(text: str) -> str:
    """Return a text as a name: what names may not contain becomes `-`."""
    return re.sub("[^A-Za-z0-9_]+", "-", text).strip("-_")[:32].rstrip("-_") or "mcp"


def _derive_name(words: list[str]) -> str:
    """Return a name for a command: that of its package, image or script."""
    word = next(_iter_telling(words), words[0])
    # A version of a package, a tag of an image, or the extension of a script says little.
    base = re.sub(r"(?<=.)[@:].*$|\.(py|m?js|ts|sh)$", "", PurePath(word).name)
    return make_name(_AFFIXES.sub("", base) or base)


def _iter_telling(words: list[str]) -> Iterator[str]:
    """Yield the words that may say which server it is."""
    skipped = False
    for word in words:
        if not (skipped or word.startswith("-") or PurePath(word).name in _LAUNCHERS):
            yield word
        skipped = word in _WITH_VALUE
