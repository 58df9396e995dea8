"""The tools of the built-in agent: arithmetic, the user's own, and those of MCP servers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool

from streamchat.agent.own_tools.loading import load_tools
from streamchat.agent.own_tools.place import parse_place
from streamchat.agent.own_tools.running import run_own_tool
from streamchat.agent.target.output import OutputRelay, get_relay
from streamchat.agent.target.secrets import learn_secrets
from streamchat.config import Settings
from streamchat.text.redact import Redactor
from streamchat.tools import ARITHMETIC, final_answer, run_tool

if TYPE_CHECKING:
    from streamchat.agent.mcp.manager import McpManager, OfferedTool


@dataclass
class Toolbox:
    """Tools, and how they are run.

    Attributes:
        tools: all of them.
        places: where the user's own are, by their names.
        relay: takes what the user's own print and servers report; None if there are none.
        redactor: learns the keys that the user's own set in the environment.
        safe: the names of those that run without asking, unless a rule says otherwise.
        offered: those of MCP servers, by their names.
    """

    tools: Sequence[BaseTool] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    relay: OutputRelay | None = None
    redactor: Redactor = field(default_factory=Redactor)
    safe: Collection[str] = ()
    offered: Mapping[str, OfferedTool] = field(default_factory=dict)
    _servers: McpManager | None = None
    _revision: int = 0
    _failure: BaseException | None = None

    @classmethod
    def load(cls, settings: Settings, redactor: Redactor) -> Toolbox:
        """Return the tools that the settings name. This blocks for seconds.

        When called again, it imports the user's files anew.

        Raises:
            TargetError: the user's own cannot be loaded.
        """
        builtin = ARITHMETIC if settings.builtin_tools else ()
        safe = [each.name for each in builtin]
        if not settings.tools:
            return cls(builtin, safe=safe)
        taken = [each.name for each in (*builtin, final_answer)]
        own = load_tools([parse_place(each) for each in settings.tools], taken, redactor)
        tools = (*builtin, *(each.tool for each in own))
        places = {each.tool.name: each.place for each in own}
        return cls(tools, places, get_relay(), redactor, safe=safe)

    @property
    def qualified(self) -> Mapping[str, str]:
        """The names of servers' tools in rules, `SERVER.TOOL`, by their names."""
        return {name: each.qualified for name, each in self.offered.items()}

    @property
    def servers(self) -> list[str]:
        """The names of the servers that these tools are from."""
        return list(dict.fromkeys(each.server for each in self.offered.values()))

    @property
    def is_outdated(self) -> bool:
        """Whether the servers' tools may be other ones now."""
        return self._servers is not None and self._servers.revision != self._revision

    def join(self, servers: McpManager) -> Toolbox:
        """Return these tools with those that the servers have now."""
        revision = servers.revision
        own = [each for each in self.tools if each.name not in self.offered]
        offered = servers.offer([*(each.name for each in own), final_answer.name])
        return replace(
            self,
            tools=[*own, *(each.tool for each in offered)],
            relay=self.relay or OutputRelay(),
            offered={each.tool.name: each for each in offered},
            _servers=servers,
            _revision=revision,
        )

    def renew(self) -> Toolbox:
        """Return these tools with those that the same servers have now."""
        return self.join(self._servers) if self._servers else self

    def find_place(self, name: str) -> str:
        """Return where a tool comes from; empty if it is built in."""
        if name in self.offered:
            return f"MCP server {self.offered[name].server}"
        return self.places.get(name, "")

    async def run(self, tool: BaseTool, arguments: dict[str, Any]) -> Any:
        """Run a tool and return its result."""
        if self._servers and tool.name in self.offered:
            show = self._show_in(copy_context())
            return await self._servers.call(self.offered[tool.name], arguments, show)
        if not (self.relay and tool.name in self.places):
            return await run_tool(tool, arguments)
        try:
            return await run_own_tool(tool, arguments, self.relay)
        except Exception as error:
            self._failure = error
            raise
        finally:
            learn_secrets(self.redactor)

    def _show_in(self, context: Context) -> Callable[[str], None]:
        """Return what shows a line as if it were written in a context."""

        def show(line: str) -> None:
            if self.relay:
                context.run(self.relay.write, f"{line}\n", "stdout")

        return show

    def take_failure(self) -> BaseException | None:
        """Return what the user's own tools raised last, unless that was returned before."""
        failure, self._failure = self._failure, None
        return failure
