"""The MCP servers that settings name: in flags, in the configuration file, and in JSON files."""

from __future__ import annotations

from streamchat.config.mcp.server import McpServer

__all__ = ["McpServer"]
