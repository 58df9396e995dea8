"""The tools that the settings name, for the built-in agent: arithmetic and the user's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.tools import BaseTool

from streamchat.agent.own_tools.loading import load_tools
from streamchat.agent.own_tools.place import parse_place
from streamchat.agent.own_tools.running import run_own_tool
from streamchat.agent.target.output import OutputRelay, get_relay
from streamchat.agent.target.secrets import learn_secrets
from streamchat.config import Settings
from streamchat.text.redact import Redactor
from streamchat.tools import ARITHMETIC, final_answer, run_tool


@dataclass
class Toolbox:
    """Tools, and how they are run.

    Attributes:
        tools: all of them.
        places: where the user's own are, by their names.
        relay: takes what the user's own print; None if there are none.
        redactor: learns the keys that the user's own set in the environment.
        safe: the names of those that run without asking, unless a rule says otherwise.
        qualified: the names of tools in rules, where these are not their own.
    """

    tools: Sequence[BaseTool] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    relay: OutputRelay | None = None
    redactor: Redactor = field(default_factory=Redactor)
    safe: Collection[str] = ()
    qualified: Mapping[str, str] = field(default_factory=dict)
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

    async def run(self, tool: BaseTool, arguments: dict[str, Any]) -> Any:
        """Run a tool and return its result."""
        if not (self.relay and tool.name in self.places):
            return await run_tool(tool, arguments)
        try:
            return await run_own_tool(tool, arguments, self.relay)
        except Exception as error:
            self._failure = error
            raise
        finally:
            learn_secrets(self.redactor)

    def take_failure(self) -> BaseException | None:
        """Return what the user's own tools raised last, unless that was returned before."""
        failure, self._failure = self._failure, None
        return failure
