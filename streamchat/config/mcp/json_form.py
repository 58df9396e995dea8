"""MCP servers in the JSON form that Claude Desktop, VS Code, Cursor and others share.

Claude Desktop and Cursor name them under `mcpServers`, VS Code under `servers`, where comments and
trailing commas are allowed. What these programs have besides is ignored.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamchat.config.checks import shorten
from streamchat.config.mcp import McpServer
from streamchat.config.mcp.naming import make_name
from streamchat.config.mcp.secrets import find_secrets
from streamchat.config.mcp.tables import build_server, check_value
from streamchat.config.mcp.values import MissingVariableError, resolve_server
from streamchat.config.reading import read_regular_file
from streamchat.config.setting import SettingsError

_MOST_BYTES = 1_000_000
_STRING = r'"(?:\\.|[^"\\])*"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_PREDEFINED: Mapping[str, Callable[[], str]] = {
    "userHome": lambda: str(Path.home()),
    "workspaceFolder": lambda: str(Path.cwd()),
    "workspaceFolderBasename": lambda: Path.cwd().name,
    "pathSeparator": lambda: os.sep,
    "/": lambda: os.sep,
}
_TRANSPORTS = ("stdio", "http", "streamable-http", "streamable_http", "streamablehttp", "")


class _UnsupportedError(ValueError):
    """Only other programs can start the server; the message is a predicate."""


def read_config(path: Path, environment: Mapping[str, str]) -> tuple[McpServer, ...]:
    """Return the servers of a file, apart from disabled ones.

    One that cannot be started here, or not without a variable that is not set, has a fault.

    Raises:
        SettingsError: the file cannot be read; the message names its line.
    """
    text = _read_text(path)
    tables = _find_servers(path, _parse(path, text))
    servers = []
    for key, table in tables.items():
        where = f"{path}{_find_line(text, key)}: {shorten(key, 40)}"
        if not isinstance(table, dict):
            raise SettingsError(f"{where} must be an object")
        if table.get("disabled") is True:
            continue
        try:
            servers.append(_read_server(make_name(key), table, environment))
        except ValueError as error:
            raise SettingsError(f"{where}: {error}") from None
    return tuple(servers)


def _read_text(path: Path) -> str:
    try:
        return read_regular_file(path.expanduser(), _MOST_BYTES).decode("utf-8-sig")
    except (OSError, RuntimeError) as error:  # a RuntimeError: no such user
        raise SettingsError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not UTF-8 text") from None


def _parse(path: Path, text: str) -> Any:
    # Line feeds in comments are kept, so that errors name the right lines.
    plain = _COMMENT.sub(lambda found: found[1] or "\n" * found[0].count("\n"), text)
    plain = _TRAILING_COMMA.sub(lambda found: found[1] or "", plain)
    try:
        return json.loads(plain)
    except RecursionError:
        raise SettingsError(f"{path}: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except ValueError:  # a number with thousands of digits
        raise SettingsError(f"{path}: not JSON") from None


def _find_servers(path: Path, content: Any) -> dict[str, Any]:
    if isinstance(content, dict):
        nested = content.get("mcp")  # VS Code's settings.json
        for holder in (content, nested if isinstance(nested, dict) else {}):
            for key in ("mcpServers", "servers"):
                if isinstance(holder.get(key), dict):
                    return dict(holder[key])
    raise SettingsError(f'{path}: no servers; they belong in {{"mcpServers": {{...}}}}')


def _find_line(text: str, key: str) -> str:
    """Return the line of the first object of that name, which is where people write it."""
    found = re.search(rf"{re.escape(json.dumps(key, ensure_ascii=False))}\s*:\s*\S", text)
    return f":{text.count(chr(10), 0, found.start()) + 1}" if found else ""


def _read_server(name: str, table: Mapping[str, Any], environment: Mapping[str, str]) -> McpServer:
    """Return a server.

    Raises:
        ValueError: the table is wrong, whichever program reads it.
    """
    values = _choose_values(table)
    for key, value in values.items():
        check_value(key, value)
    try:
        _check_transport(table)
        expander = _Expander(environment)
        server = build_server(name, {key: expander.expand(each) for key, each in values.items()})
    except (_UnsupportedError, MissingVariableError) as error:
        return McpServer(name, fault=str(error))
    server = replace(server, secrets=find_secrets(expander.found))
    return resolve_server(server, environment)


def _choose_values(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known here of a table; numbers are allowed as values of variables."""
    named = dict(table)
    named.setdefault("url", table.get("serverUrl") or table.get("httpUrl"))
    chosen = {
        key: named[key]
        for key in ("command", "args", "env", "cwd", "url", "headers")
        if named.get(key) not in (None, {}, [], "")
    }
    if isinstance(env := chosen.get("env"), dict):
        chosen["env"] = {
            key: str(each) if isinstance(each, int | float) else each
            for key, each in env.items()
            if each is not None
        }
    # Some programs write what goes with a command beside a URL.
    for key in ("args", "env", "cwd") if "command" not in chosen else ("headers",):
        chosen.pop(key, None)
    return chosen


def _check_transport(table: Mapping[str, Any]) -> None:
    kind = str(table.get("type") or table.get("transport") or "")
    if kind.lower() not in _TRANSPORTS:
        raise _UnsupportedError(
            f"uses {shorten(kind, 40)}, which is not supported: streamable HTTP or stdio"
        )
    if table.get("envFile"):
        raise _UnsupportedError("has an envFile, which is not read: name the variables in env")


class _Expander:
    """Replaces `${...}`, and remembers what came from the environment.

    Attributes:
        found: the values of variables, by their names.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.found: dict[str, str] = {}

    def expand(self, value: Any) -> Any:
        """Return a value with every variable in its texts replaced.

        Raises:
            MissingVariableError: a variable is not set, and has no default.
            ValueError: it is no environment variable.
        """
        match value:
            case str():
                return _VARIABLE.sub(self._replace, value)
            case list():
                return [self.expand(each) for each in value]
            case dict():
                return {key: self.expand(each) for key, each in value.items()}
        return value

    def _replace(self, found: re.Match[str]) -> str:
        text = found[1]
        if text in _PREDEFINED:
            return _PREDEFINED[text]()
        if text.startswith("input:"):
            raise _UnsupportedError(
                f"needs {shorten(found[0], 40)}, which cannot be asked for: "
                "name an environment variable, as in ${env:NAME}"
            )
        name = _NAME.fullmatch(text)
        if not name:
            raise _UnsupportedError(f"needs {shorten(found[0], 40)}, which is not supported")
        value = self._environment.get(name[1], name[2])
        if value is None:
            raise MissingVariableError(name[1])
        self.found[name[1]] = value
        return value
