"""Reads the values of MCP servers that are in the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from streamchat.config.mcp import McpServer
from streamchat.config.mcp.secrets import find_reference, find_secrets

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[ -~\t]*")


class MissingVariableError(ValueError):
    """A variable is not set; the message is a predicate."""

    def __init__(self, name: str) -> None:
        super().__init__(f"needs the environment variable {name}, which is not set")


def resolve_server(server: McpServer, environment: Mapping[str, str]) -> McpServer:
    """Return a server with its values `env:NAME` read from the environment, and its secrets.

    One that cannot be started gets a fault.
    """
    if server.fault:
        return server
    try:
        env = _resolve(server.env, environment)
        headers = _resolve(server.headers, environment)
        check_headers(headers)
    except ValueError as error:
        return replace(server, env={}, headers={}, fault=str(error))
    sources = {
        f"{name} {find_reference(value)}": (env | headers)[name]
        for name, value in {**server.env, **server.headers}.items()
    }
    return replace(
        server,
        command=_expand_home(server.command),
        args=tuple(map(_expand_home, server.args)),
        cwd=_expand_home(server.cwd),
        env=env,
        headers=headers,
        secrets=(*server.secrets, *find_secrets(sources, server.args, server.url)),
    )


def check_headers(headers: Mapping[str, str]) -> None:
    """Check what HTTP can send.

    Raises:
        ValueError: the message is a predicate that names the header, but not its value.
    """
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"has a header {name[:40]!r}, which is no name")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"has a header {name[:40]} that is not printable ASCII text")


def _resolve(values: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    return {name: _read(value, environment) for name, value in values.items()}


def _read(value: str, environment: Mapping[str, str]) -> str:
    name = find_reference(value)
    if name and name not in environment:
        raise MissingVariableError(name)
    return environment[name] if name else value


def _expand_home(text: str) -> str:
    """Expand `~/`, as a shell does that the command does not run in."""
    return str(Path.home() / text[2:]) if text.startswith(f"~{os.sep}") else text
