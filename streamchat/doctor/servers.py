"""Starts MCP servers, and says what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from streamchat.agent.mcp.manager import McpManager
from streamchat.agent.mcp.state import ServerState
from streamchat.doctor.findings import MCP, Finding, make_safe
from streamchat.text.redact import Redactor


async def check_servers(servers: McpManager, redactor: Redactor) -> list[Finding]:
    """Start the servers at the same time, return what they offer, and end them."""
    try:
        await servers.wait()
        servers.offer(())
        states = servers.list_states()
    finally:
        await servers.aclose()
    return [make_safe(finding, redactor) for state in states for finding in _judge(state)]


def _judge(state: ServerState) -> Iterator[Finding]:
    subject = f"{MCP} {state.name}"
    if state.state != "ready":
        observed = state.detail or f"is {state.state}"
        yield Finding(subject, "wrong", observed, "the chat goes on without its tools")
        return
    count = len(state.tools)
    tools = f"{count or 'no'} tool{'s' * (count != 1)}"
    listed = f": {', '.join(state.tools)}" if count else ""
    yield Finding(subject, "ok", f"{state.detail}; {tools}{listed}", "offered to the model")
    for note in state.notes:
        yield Finding(subject, "different", note, "left out")
