"""Runs of a graph that ended with a question, and go on in a later request with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamchat.agent.errors import AgentError
from streamchat.agent.source import Request
from streamchat.agent.target.memory import find_checkpointer, list_threads, without_checkpoint
from streamchat.text.sanitize import one_line

_BREAKPOINT = "next"


@dataclass(frozen=True, slots=True)
class Paused:
    """Where a run goes on.

    Attributes:
        config: names the thread.
        interrupts: those that wait, by their IDs; none at a breakpoint.
    """

    config: Mapping[str, Any]
    interrupts: Mapping[str, Any]


def name_question(interrupt_id: str, checkpoint_id: str) -> str:
    """Return the ID of a request that can be answered later.

    It names the checkpoint, as a node that asks twice does so under the same ID.
    """
    return f"{interrupt_id[:8] or _BREAKPOINT}-{checkpoint_id}"


async def find_mark(graph: Any, config: Mapping[str, Any]) -> str:
    """Return the ID of a thread's latest checkpoint."""
    snapshot = await graph.aget_state(config)
    return str(snapshot.config["configurable"]["checkpoint_id"])


async def find_paused(graph: Any, request: Request) -> Paused:
    """Find the run whose questions a request answers.

    Raises:
        AgentError: no run waits for these answers.
    """
    if find_checkpointer(graph):
        async for snapshot in list_threads(graph, request.thread_id):
            mark = snapshot.config["configurable"]["checkpoint_id"]
            waiting = {name_question(each.id, mark): each for each in snapshot.interrupts}
            if not waiting and snapshot.next:
                waiting = {name_question("", mark): None}
            if set(request.resume) & waiting.keys():
                _check_answers(request.resume, waiting)
                interrupts = {each.id: each for each in waiting.values() if each}
                return Paused(without_checkpoint(snapshot.config), interrupts)
    raise _refuse(next(iter(request.resume)))


def _check_answers(answers: Mapping[str, object], waiting: Mapping[str, Any]) -> None:
    if unknown := answers.keys() - waiting.keys():
        raise _refuse(min(unknown))


def _refuse(name: str) -> AgentError:
    return AgentError(f"the agent does not wait for an answer to {one_line(name, 60)}")
