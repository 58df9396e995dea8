"""/mcp: the MCP servers, their tools, and a new start for one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamchat.agent.mcp.manager import McpManager
from streamchat.agent.mcp.state import ServerState
from streamchat.agent.source import ToolInfo
from streamchat.process.styles import bold
from streamchat.repl.chat import Chat
from streamchat.repl.errors import CommandError
from streamchat.repl.registry import command
from streamchat.repl.wrapping import wrap
from streamchat.text.sanitize import one_line
from streamchat.text.suggest import find_closest
from streamchat.view.progress import show_progress

_RESTART = "restart"
_INDENT = "  "
_LONGEST = 160
"""Characters of what a server says about a tool."""


def _offer_servers(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    servers = None if chat.settings.agent else chat.models.servers
    states = servers.list_states() if servers else []
    begin = f"{_RESTART} "
    if not typed.startswith(begin):
        yield begin, "start a server anew"
        begin = ""
    yield from ((f"{begin}{each.name}", each.state) for each in states)


@command(
    "/mcp [NAME|restart NAME]",
    "list the MCP servers and their tools, or restart one",
    group="Model",
    more="With NAME: what the server says about itself, and the last lines of its errors.",
    completer=_offer_servers,
    with_agent=False,
)
async def mcp(chat: Chat, argument: str) -> None:
    servers = chat.models.servers
    if servers is None:
        raise CommandError("There are no MCP servers; --mcp names one: /help mcp")
    first, _, name = argument.partition(" ")
    if first == _RESTART:
        await _restart(chat, servers, name.strip())
    elif argument:
        _show_details(chat, _find(servers, argument))
    else:
        chat.models.renew_tools()
        for each in servers.list_states():
            _show(chat, each)


async def _restart(chat: Chat, servers: McpManager, name: str) -> None:
    name = _find(servers, name).name
    with show_progress(f"restarting {name}", brief=True):
        await servers.restart(name)
    servers.take_lines()  # what follows says the same
    chat.models.renew_tools()
    _show(chat, _find(servers, name))


def _find(servers: McpManager, name: str) -> ServerState:
    states = {each.name: each for each in servers.list_states()}
    if name in states:
        return states[name]
    listed = ", ".join(states)
    if not name:
        raise CommandError(f"Name one of the servers: {listed}")
    close = find_closest(name, states)
    hint = f"Did you mean {close}?" if close else f"Name one of {listed}"
    raise CommandError(f"There is no server {one_line(name, 40)}. {hint}")


def _show(chat: Chat, state: ServerState) -> None:
    """Print what a server is, how it is doing, and its tools with a line about each."""
    count = len(state.tools)
    tools = f", {count or 'no'} tool{'s' * (count != 1)}" if state.state == "ready" else ""
    detail = f": {state.detail}" if state.detail else ""
    chat.say(wrap(f"{state.name}  {state.state}{tools}{detail}", chat.columns, _INDENT), bold)
    if state.place:
        _say(chat, state.place)
    known = _describe_tools(chat)
    for name in state.tools:
        first = known.get(name, ToolInfo(name)).description.strip().partition("\n")[0]
        described = one_line(first, _LONGEST)
        _say(chat, f"{name}  {described}" if described else name)
    for note in state.notes:
        _say(chat, note)


def _show_details(chat: Chat, state: ServerState) -> None:
    """Print all that is known about a server."""
    _show(chat, state)
    if state.instructions:
        _say(chat, "It says about itself, which the model is not told:")
        for line in state.instructions.splitlines():
            _say(chat, line, 2)
    if state.output:
        _say(chat, "The last lines of its standard error:")
        for line in state.output:
            _say(chat, line, 2)


def _describe_tools(chat: Chat) -> Mapping[str, ToolInfo]:
    source = chat.models.source
    return {each.name: each for each in source.tools} if source else {}


def _say(chat: Chat, text: str, depth: int = 1) -> None:
    indent = depth * _INDENT
    chat.say(wrap(f"{indent}{text}", chat.columns, indent + _INDENT))
