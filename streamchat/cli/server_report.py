"""MCP servers as `config show` has them: what was written, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from streamchat.config.mcp import McpServer
from streamchat.config.mcp.secrets import find_reference, find_secrets
from streamchat.text.redact import Redactor, redact_url_credentials

_HIDDEN = "…"
_BARE = re.compile("[A-Za-z0-9_-]+")


def describe_servers(servers: Iterable[McpServer]) -> dict[str, dict[str, Any]]:
    """Return the tables of servers whose values were not read from the environment yet."""
    return {each.name: _describe(each) for each in servers}


def _describe(server: McpServer) -> dict[str, Any]:
    redactor = Redactor(find_secrets({}, server.args, server.url))
    table = {
        "command": server.command,
        "args": [redactor.redact(each) for each in server.args],
        "env": _hide(server.env),
        "cwd": server.cwd,
        "url": redact_url_credentials(redactor.redact(server.url)),
        "headers": _hide(server.headers),
    }
    return {key: value for key, value in table.items() if value}


def _hide(values: Mapping[str, str]) -> dict[str, str]:
    return {name: each if find_reference(each) else _HIDDEN for name, each in values.items()}


def format_tables(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return tables as lines for people."""
    return "\n".join(f"{name}: {_format_table(table)}" for name, table in tables.items()) or "none"


def _format_table(table: Mapping[str, Any]) -> str:
    words = [table.get("url") or table["command"], *table.get("args", [])]
    words += [
        f"{key}={each}" for name in ("env", "headers") for key, each in table.get(name, {}).items()
    ]
    return " ".join(words)


def format_inline(value: Any) -> str:
    """Return a value as TOML has it in one line; texts are escaped as in JSON."""
    match value:
        case Mapping():
            items = (f"{format_key(key)} = {format_inline(each)}" for key, each in value.items())
            return f"{{ {', '.join(items)} }}" if value else "{}"
        case list() | tuple():
            return f"[{', '.join(map(format_inline, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def format_key(key: str) -> str:
    """Return a key as TOML has it."""
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
