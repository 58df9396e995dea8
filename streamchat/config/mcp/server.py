"""An MCP server that settings name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server: a command to start, or the URL of one that runs.

    Attributes:
        name: short, and different from those of the others.
        command: the program that speaks MCP on its standard input and output; empty for a URL.
        args: its arguments.
        env: variables that it gets besides the few that any server gets.
        cwd: where it starts; empty for the working directory.
        url: where a server speaks MCP over streamable HTTP; empty for a command.
        headers: sent with every request to the URL.
        fault: why the server cannot be started, as a predicate: `needs ..., which is not set`;
            empty if it can. Such a server counts as failed from the start.
        flag: what `--mcp` says, if that names it.
        secrets: what no output may contain.
    """

    name: str
    command: str = ""
    args: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    cwd: str = ""
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    fault: str = ""
    flag: str = field(default="", repr=False, compare=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def place(self) -> str:
        """The command, or the URL without credentials and query; redact it before it is shown."""
        if self.url:
            url = urlsplit(self.url)
            return url._replace(
                netloc=url.netloc.rpartition("@")[2], query="", fragment=""
            ).geturl()
        import shlex  # rarely needed

        return shlex.join([self.command, *self.args] if self.command else [])
