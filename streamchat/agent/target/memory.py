"""Where a graph goes on: which messages it is sent, and from which checkpoint."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from streamchat.agent.errors import AgentError
from streamchat.agent.source import Request
from streamchat.agent.target.graph_answer import find_messages
from streamchat.agent.target.graph_input import GraphInput
from streamchat.agent.target.messages import OWN_ID, rebuild_messages, to_question
from streamchat.text.redact import REDACTED

_PAGE = 20
"""Checkpoints to read at a time."""
_MOST_THREADS = 20
"""Threads of the same conversation to look at, before a random ID is taken."""


@dataclass(frozen=True, slots=True)
class Start:
    """How to run a turn.

    Attributes:
        input: for the graph.
        config: names the thread, if the graph has a checkpointer.
        notice: what the user should know about the graph's memory, or empty.
    """

    input: object
    config: Mapping[str, Any]
    notice: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A place to go on from. An empty thread has no checkpoint, and is no match."""

    thread_id: str
    checkpoint_id: str | None = None
    matches: bool = True


def find_checkpointer(graph: Any) -> Any:
    """Return a graph's checkpointer, or None."""
    checkpointer = getattr(graph, "checkpointer", None)
    return checkpointer if hasattr(checkpointer, "aget_tuple") else None


async def find_start(graph: Any, form: GraphInput, request: Request) -> Start:
    """Find out where a turn begins.

    A graph with a checkpointer remembers, and is sent the question alone. It goes on from the
    newest checkpoint with the questions that the conversation has now: after `/undo`, `/retry` and
    `/branch` that is an earlier one. Other graphs are sent the history.

    Raises:
        AgentError: the checkpointer only works without an event loop.
    """
    question = to_question(request.question)
    if find_checkpointer(graph) is None:
        history = rebuild_messages(request.history) if form.takes_messages else []
        return Start(form.build([*history, question]), {})
    found, is_foreign = await _find_place(graph, form, request)
    configurable = {"thread_id": found.thread_id}
    if found.checkpoint_id:
        configurable |= {"checkpoint_ns": "", "checkpoint_id": found.checkpoint_id}
    config = {"configurable": configurable}
    if found.matches or not request.history or not form.takes_messages:
        notice = _FRESH_THREAD if is_foreign else ""
        return Start(form.build([question]), config, notice)
    messages = [*rebuild_messages(request.history), question]
    return Start(form.build(messages), config, _FRESH_THREAD if is_foreign else _FORGOTTEN)


_FORGOTTEN = "the agent's memory does not hold this conversation: the history is sent along"
_FRESH_THREAD = (
    "the agent's memory holds another conversation under this ID: it goes on in a new thread"
)


async def _find_place(graph: Any, form: GraphInput, request: Request) -> tuple[_Found, bool]:
    """Return where to go on, and whether a thread with other contents was passed over."""
    expected = _list_answered(request)
    base = request.thread_id or uuid4().hex
    for number in count(1):
        thread_id = _name_thread(base, number)
        if number > _MOST_THREADS:
            return _Found(f"{base}-{uuid4().hex}", matches=False), True
        is_latest = True
        async for snapshot in _list_snapshots(graph, thread_id):
            asked = _list_questions(snapshot.values, form)
            if _fits(asked, expected) and _can_go_on(snapshot):
                checkpoint = snapshot.config["configurable"]["checkpoint_id"]
                place = _Found(thread_id, None if is_latest else checkpoint)
                return place, False
            is_latest = False
        if is_latest:
            return _Found(thread_id, matches=False), number > 1
    raise AssertionError("threads never run out")


def _name_thread(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"


def without_checkpoint(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of the thread's latest checkpoint, which a run has moved on."""
    configurable = config.get("configurable", {})
    kept = {name: value for name, value in configurable.items() if name == "thread_id"}
    return {"configurable": kept} if kept else {}


async def list_threads(graph: Any, base: str) -> AsyncIterator[Any]:
    """Yield the latest checkpoint of each thread that a conversation may have."""
    for number in range(1, _MOST_THREADS + 1):
        thread_id = _name_thread(base, number)
        async for snapshot in _list_snapshots(graph, thread_id):
            yield snapshot
            break
        else:
            return


async def _list_snapshots(graph: Any, thread_id: str) -> AsyncIterator[Any]:
    """Yield the checkpoints of a thread, the newest first."""
    config = {"configurable": {"thread_id": thread_id}}
    try:
        snapshot = await graph.aget_state(config)
    except NotImplementedError:
        name = type(find_checkpointer(graph)).__name__
        raise AgentError(
            f"{name} cannot be used in an event loop: use Async{name} instead"
        ) from None
    page = [snapshot] if snapshot.created_at else []
    while page:
        for snapshot in page:
            yield snapshot
        # Page by page: SQLite stays locked while somebody reads a list.
        earlier = graph.aget_state_history(config, before=snapshot.config, limit=_PAGE)
        page = [each async for each in earlier]


def _can_go_on(snapshot: Any) -> bool:
    """Whether a question may follow: every call has its result.

    A checkpoint that was written when an input arrived is a copy of the one before it, except in
    a thread that has just begun.
    """
    if "__start__" in snapshot.next and snapshot.metadata.get("step", -1) >= 0:
        return False
    called, answered = set[str | None](), set[str | None]()
    for message in _list_state(snapshot.values):
        if isinstance(message, AIMessage):
            called |= {call["id"] for call in message.tool_calls}
        elif isinstance(message, ToolMessage):
            answered.add(message.tool_call_id)
    return called <= answered


def _list_state(values: Any) -> Sequence[Any]:
    messages = values.get("messages") if isinstance(values, Mapping) else None
    return find_messages(messages or [])


def _list_questions(values: Any, form: GraphInput) -> list[str]:
    """Return the questions in a state: those that streamchat has asked, or else all."""
    if not form.takes_messages:
        value = values.get(form.key) if isinstance(values, Mapping) else None
        return [str(value)] if value else []
    humans = [each for each in _list_state(values) if isinstance(each, HumanMessage)]
    own = [each for each in humans if (each.id or "").startswith(OWN_ID)]
    return [str(each.text) for each in own or humans]


def _list_answered(request: Request) -> list[str]:
    """Return the earlier questions, without those that have no answer.

    Of the oldest it is not known: what exceeds the limit of the history is not in it.
    """
    answered = {each.question for each in request.history}
    known = next((at for at, each in enumerate(request.questions) if each in answered), None)
    oldest = request.questions[:known] if known is not None else []
    return [*oldest, *(each for each in request.questions[len(oldest) :] if each in answered)]


def _fits(asked: Sequence[str], questions: Sequence[str]) -> bool:
    """Whether a state has the last of these questions, or neither has any."""
    if not asked or not questions:
        return not asked and not questions
    return len(asked) <= len(questions) and all(
        map(_is_same, asked, questions[len(questions) - len(asked) :])
    )


def _is_same(original: str, stored: str) -> bool:
    """Whether two texts are the same but for secrets, of which a stored one lacks the rest."""
    if original == stored:
        return True
    pieces = [re.escape(piece) for piece in stored.split(REDACTED)]
    return len(pieces) > 1 and re.fullmatch(".*".join(pieces), original, re.DOTALL) is not None
