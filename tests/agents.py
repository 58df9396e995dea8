"""Agents on a scripted server, and their turns."""

from __future__ import annotations

import asyncio
from typing import Any

from streamchat import AgentExecutor, QueueCallbackHandler
from streamchat.events import Event, TurnCancelled, TurnDone, TurnFailed, TurnStarted
from streamchat.models.openai_compatible import connect
from streamchat.turn import Turn, reduce
from tests.server import Reply, Server

LAST = (TurnDone, TurnFailed, TurnCancelled)


OPEN: list[AgentExecutor] = []


async def close_agents() -> None:
    """Close the agents that `open_agent` opened."""
    while OPEN:
        await OPEN.pop().aclose()


def open_agent(server: Server, **options: Any) -> AgentExecutor:
    timeout = options.get("timeout", 60.0)
    llm = connect("m", base_url=server.url, api_key="sk-secret", temperature=0, timeout=timeout)
    OPEN.append(AgentExecutor(llm, **options))
    return OPEN[-1]


async def collect_events(agent: AgentExecutor, question: str = "What is 10 + 10") -> list[Event]:
    streamer = QueueCallbackHandler()
    task = asyncio.create_task(agent.invoke(question, streamer))
    events = [event async for event in streamer]
    await asyncio.wait([task])
    task.cancelled() or task.exception()
    assert sum(isinstance(event, LAST) for event in events) == 1
    assert isinstance(events[0], TurnStarted)
    return events


async def play_turn(server: Server, *replies: Reply, **options: Any) -> Turn:
    server.script(*replies)
    turn = Turn()
    for event in await collect_events(open_agent(server, **options)):
        turn = reduce(turn, event)
    return turn


def sent_messages(server: Server, request: int = -1) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = server.requests[request]["messages"]
    return messages
