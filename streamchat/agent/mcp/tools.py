"""The tools that a server lists, as LangChain's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langchain_core.tools import BaseTool
from langchain_mcp_adapters.tools import convert_mcp_tool_to_langchain_tool
from mcp import types
from mcp.client.session import ClientSession

from streamchat.agent.mcp.names import clean_name
from streamchat.agent.mcp.schemas import read_schema
from streamchat.text.sanitize import one_line
from streamchat.text.surrogates import replace_surrogates
from streamchat.tools.functions import UnfitToolError

_LONGEST_DESCRIPTION = 4_000
"""Characters that the model is sent."""
_MOST_NOTES = 20


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool of a server.

    Attributes:
        tool: its name, unique on its server and one that any model takes, with its description
            and schema. LangChain would take arguments named `config`, `runtime` or `self` for its
            own, so it is not run by its methods.
        called: its name on the server.
    """

    tool: BaseTool
    called: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server lists: tools, and a line for each that cannot be one."""

    tools: Sequence[ListedTool] = ()
    notes: Sequence[str] = ()


def read_listing(listed: Iterable[object], session: ClientSession) -> Listing:
    """Return the tools in what a server lists in a session."""
    found: dict[str, ListedTool] = {}
    notes: list[str] = []
    for each in listed:
        try:
            tool = _read_tool(each, session)
            if tool.tool.name in found:
                raise UnfitToolError("another one has this name")
            found[tool.tool.name] = tool
        except UnfitToolError as error:
            notes.append(f"left out {_describe(each)}: {error}")
    more = len(notes) - _MOST_NOTES
    notes[_MOST_NOTES:] = [f"left out {more} more"] if more > 0 else []
    return Listing(list(found.values()), notes)


def _read_tool(listed: object, session: ClientSession) -> ListedTool:
    called = listed.get("name") if isinstance(listed, dict) else None
    if not isinstance(listed, dict) or not isinstance(called, str) or not called:
        raise UnfitToolError("it has no name")
    texts = (listed.get("description"), listed.get("title"))
    description = next((each for each in texts if isinstance(each, str) and each), "")
    if len(description) > _LONGEST_DESCRIPTION:
        description = f"{description[:_LONGEST_DESCRIPTION]}…"
    tool = types.Tool(
        name=clean_name(called),
        description=replace_surrogates(description),
        inputSchema=read_schema(listed.get("inputSchema")),
    )
    return ListedTool(convert_mcp_tool_to_langchain_tool(session, tool), called)


def _describe(listed: object) -> str:
    name = listed.get("name") if isinstance(listed, dict) else None
    return one_line(name, 80) if isinstance(name, str) and name else "a tool"
