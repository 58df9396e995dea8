"""An MCP server for the files of a folder, as people use one: python mcp_files.py FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

from mcp.server.fastmcp import FastMCP

FOLDER = Path(sys.argv[1])
server = FastMCP("files", instructions="Paths begin in the folder that was named at the start.")
server._mcp_server.version = "1.0"  # else that of the SDK


@server.tool()
def list_directory(path: str = ".") -> str:
    """List what is in a directory."""
    return "\n".join(sorted(each.name for each in (FOLDER / path).iterdir()))


@server.tool()
def read_file(path: str) -> str:
    """Read a text file."""
    return (FOLDER / path).read_text(encoding="utf-8")


@server.tool()
def search_files(text: str) -> str:
    """Find the files that contain a text.

    Args:
        text: what to look for, in any case
    """
    found = (each for each in FOLDER.glob("*") if text.lower() in each.read_text().lower())
    return "\n".join(sorted(each.name for each in found))


if __name__ == "__main__":
    server.run()
