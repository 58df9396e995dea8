"""Finds the MCP servers of a run, once it is known which settings apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from streamchat.config.mcp import McpServer
from streamchat.config.setting import SettingsError
from streamchat.config.settings import Settings


def find_servers(settings: Settings, environment: Mapping[str, str]) -> tuple[McpServer, ...]:
    """Return the servers that the settings name, with what is in the environment.

    An agent has tools of its own, and gets none.

    Raises:
        SettingsError: the JSON file cannot be read, or two servers have the same name.
    """
    if settings.agent or not (settings.mcp or settings.mcp_config):
        return ()
    from streamchat.config.mcp.json_form import read_config  # rarely needed, as is the next
    from streamchat.config.mcp.values import resolve_server

    servers = [resolve_server(each, environment) for each in settings.mcp]
    if settings.mcp_config:
        servers += read_config(Path(settings.mcp_config), environment)
    counts = Counter(each.name for each in servers)
    if twice := next((name for name, count in counts.items() if count > 1), ""):
        raise SettingsError(
            f"{settings.mcp_config}: two MCP servers are called {twice}; rename one"
        )
    return tuple(servers)
