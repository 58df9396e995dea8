"""MCP servers in the configuration file: the tables `[mcp.NAME]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamchat.config.checks import shorten
from streamchat.config.mcp import McpServer
from streamchat.config.mcp.naming import NAME, NAME_REQUIREMENT
from streamchat.config.setting import SettingsError
from streamchat.config.urls import check_url
from streamchat.text.suggest import find_closest

KEYS = ("command", "args", "env", "cwd", "url", "headers")
_OF_A_COMMAND = ("args", "env", "cwd")


def read_tables(tables: object, locate: Callable[..., str], *within: str) -> tuple[McpServer, ...]:
    """Return the servers of the tables.

    Args:
        tables: what the file has as `mcp`.
        locate: returns the file:line of keys.
        within: the keys of what contains the tables, such as a profile.

    Raises:
        SettingsError: the message begins with the line.
    """
    path = (*within, "mcp")
    if not isinstance(tables, dict):
        raise SettingsError(f"{locate(*path)}: {'.'.join(path)} must be a table: [mcp.NAME]")
    return tuple(_read_table(name, table, locate, *path) for name, table in tables.items())


def _read_table(name: str, table: Any, locate: Callable[..., str], *path: str) -> McpServer:
    path = (*path, name)

    def fail(message: str, *keys: str) -> SettingsError:
        return SettingsError(f"{locate(*path, *keys)}: {shorten('.'.join(path), 60)}{message}")

    if not NAME.fullmatch(name):
        raise fail(f": the name must be {NAME_REQUIREMENT}")
    if not isinstance(table, dict):
        raise fail(" must be a table with command or url")
    for key in table:
        if key not in KEYS:
            raise fail(f": unknown key {shorten(key, 40)}; {_suggest(key)}", key)
    for key, value in table.items():
        try:
            check_value(key, value)
        except ValueError as error:
            raise fail(f": {error}", key) from None
    try:
        return build_server(name, table)
    except ValueError as error:
        raise fail(f": {error}") from None


def _suggest(key: str) -> str:
    if close := find_closest(key, KEYS):
        return f"did you mean {close}?"
    return f"choose from {', '.join(KEYS)}"


def check_value(key: str, value: object) -> None:
    """Check the type of what a key sets.

    Raises:
        ValueError: the message is a sentence about the key.
    """
    match key:
        case "args":
            if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
                raise ValueError("args must be a list of texts")
        case "env" | "headers":
            if not isinstance(value, dict):
                raise ValueError(f"{key} must be a table of texts")
            for name, each in value.items():
                if not isinstance(each, str):
                    raise ValueError(f"{key}.{shorten(name, 40)} must be text")
        case _:
            if not isinstance(value, str):
                raise ValueError(f"{key} must be text")


def build_server(name: str, values: Mapping[str, Any]) -> McpServer:
    """Return the server that checked values describe.

    Raises:
        ValueError: they contradict each other; the message is a sentence.
    """
    command, url = values.get("command", "").strip(), values.get("url", "").strip()
    if command and url:
        raise ValueError("it has both command and url; keep one of them")
    if not (command or url):
        raise ValueError("it has neither command nor url")
    wrong = [key for key in (_OF_A_COMMAND if url else ("headers",)) if key in values]
    if wrong:
        raise ValueError(f"{wrong[0]} does not go with {'url' if url else 'command'}")
    if url:
        try:
            check_url(url)
        except ValueError as error:
            raise ValueError(f"url must be {error}") from None
    return McpServer(
        name,
        command,
        tuple(values.get("args", ())),
        dict(values.get("env", {})),
        values.get("cwd", ""),
        url,
        dict(values.get("headers", {})),
    )
