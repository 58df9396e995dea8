"""Plays a LangGraph graph: `create_agent`, a deep agent, or one made by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import Any
from uuid import uuid4

from streamchat.agent.continuing import PausedError, find_waiting
from streamchat.agent.errors import AgentError
from streamchat.agent.source import Request, ToolInfo
from streamchat.agent.target.graph_input import find_input
from streamchat.agent.target.graph_stream import GraphStream
from streamchat.agent.target.interrupts import (
    describe_answer,
    find_unrun,
    read_request,
    to_resume_value,
)
from streamchat.agent.target.memory import find_checkpointer, find_start, without_checkpoint
from streamchat.agent.target.play import Emit
from streamchat.agent.target.resuming import find_mark, find_paused, name_question
from streamchat.agent.target.ruling import rule
from streamchat.agent.target.speakers import has_several_speakers
from streamchat.events import InputReceived, InputRequested, Notice, TurnDone
from streamchat.text.sanitize import one_line

_MODES = ["messages", "updates", "custom"]
_KINDS = {"langchain_create_agent": "create_agent", "deepagents": "deepagents"}
_STOPS = ("n", "no", "stop")


class GraphPlay:
    """Asks a compiled graph, and shows what it streams.

    Args:
        graph: a `langgraph.pregel.Pregel`.

    Raises:
        AgentError: it takes no question.
    """

    wants_events = True

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._form = find_input(graph)
        self._several = has_several_speakers(graph)
        self._told_of_silence = False

    @property
    def name(self) -> str:
        """The kind of graph, with the function that made it if that is known."""
        kind = _KINDS.get(self._integration)
        return f"LangGraph graph ({kind})" if kind else "LangGraph graph"

    @property
    def tools(self) -> Sequence[ToolInfo]:
        """The tools of the nodes that run tools, also in subgraphs."""
        found = {each.name: each for each in _find_tools(self._graph, set())}
        return list(found.values())

    @property
    def nodes(self) -> Sequence[str]:
        """The names of the root graph's nodes."""
        return [name for name in self._graph.nodes if not name.startswith("__")]

    @property
    def subgraphs(self) -> Sequence[str]:
        """The names of the root graph's nodes that are graphs themselves, or run one."""
        return [name for name, node in self._graph.nodes.items() if any(_list_inner(node))]

    @property
    def checkpointer(self) -> str:
        """The name of the checkpointer's class, or empty."""
        checkpointer = find_checkpointer(self._graph)
        return type(checkpointer).__name__ if checkpointer else ""

    async def answer(self, request: Request, emit: Emit) -> TurnDone:
        """Answer a question.

        Raises:
            AgentError: the graph ends without an answer, or cannot go on.
            Exception: raised by the graph.
        """
        stream = self._open_stream(request, emit)
        try:
            config = await self._begin(request, stream, emit)
            while stream.interrupts or stream.paused:
                mark = await find_mark(self._graph, config) if request.postpones else ""
                resume = await self._ask(stream, emit, mark)
                await self._run(resume, config, stream)
        finally:
            stream.finish()
        done = stream.conclude()
        if not self._told_of_silence and (text := stream.silence.explain()):
            self._told_of_silence = True
            emit(Notice(text))
        return done

    async def _begin(self, request: Request, stream: GraphStream, emit: Emit) -> Mapping[str, Any]:
        """Run the graph up to its first question; return the config to go on with."""
        if request.resume:
            paused = await find_paused(self._graph, request)
            stream.interrupts, stream.paused = dict(paused.interrupts), not paused.interrupts
            stream.calls.add(find_waiting(request.steps), perf_counter())
            return paused.config
        start = await find_start(self._graph, self._form, request)
        if start.notice:
            emit(Notice(start.notice))
        await self._run(start.input, start.config, stream)
        return without_checkpoint(start.config)

    @property
    def _integration(self) -> str:
        config = getattr(self._graph, "config", None) or {}
        return str((config.get("metadata") or {}).get("ls_integration") or "")

    def _open_stream(self, request: Request, emit: Emit) -> GraphStream:
        # With nothing but a model every text is the answer, and can be shown as one at once.
        is_chat = bool(self._integration) and self.nodes == ["model"]
        return GraphStream(
            emit,
            announces_first=self._several,
            text_is_answer=is_chat,
            graph_name=str(getattr(self._graph, "name", "")),
            takes_messages=self._form.takes_messages,
            raw=request.raw,
        )

    async def _run(self, input: object, config: Mapping[str, Any], stream: GraphStream) -> None:
        stream.begin()
        parts = self._graph.astream(
            input,
            {**config, "callbacks": stream.callbacks},
            stream_mode=_MODES,
            subgraphs=True,
            version="v2",
        )
        async with aclosing(parts):
            async for part in parts:
                stream.feed(part)

    async def _ask(self, stream: GraphStream, emit: Emit, mark: str) -> object:
        """Ask the user what the graph wants to know, and return the input that resumes it.

        Args:
            stream: ended with what the graph asks.
            emit: asks.
            mark: the checkpoint's, if the answer may come in a later request.
        """
        if find_checkpointer(self._graph) is None:
            raise AgentError(
                "the graph stops to ask, but cannot go on without a checkpointer: compile it "
                "with checkpointer=InMemorySaver() (from langgraph.checkpoint.memory)"
            )
        from langgraph.types import Command

        if not stream.interrupts:
            await self._ask_to_go_on(emit, mark)
            return None
        values: dict[str, object] = {}
        paused: PausedError | None = None
        for id, interrupt in stream.interrupts.items():
            try:
                values[id] = await self._ask_one(interrupt, stream, emit, mark)
            except PausedError as error:  # the others are to be answered at the same time
                paused = error
        if paused:
            raise paused
        return Command(resume=values)

    async def _ask_one(self, interrupt: Any, stream: GraphStream, emit: Emit, mark: str) -> object:
        # A node that asks twice may do so under the same ID.
        requested = read_request(interrupt, name_question(interrupt.id, mark or uuid4().hex[:8]))
        ruling = rule(requested, emit.judge)
        answer: object = None
        if left := ruling.open:
            answer = await emit.ask(left)
            _check_edits(answer, emit)
            emit(InputReceived(left.request_id, describe_answer(left, answer)))
        answer = ruling.complete(answer)
        for event in ruling.make_events(stream.calls.find_ids):
            emit(event)
        stream.calls.mark_unrun(find_unrun(requested, answer))
        return to_resume_value(interrupt, answer)

    async def _ask_to_go_on(self, emit: Emit, mark: str) -> None:
        """Ask at a breakpoint, which `compile(interrupt_before=...)` sets."""
        id = name_question("", mark or uuid4().hex[:8])
        requested = InputRequested(id, "The graph stops at a breakpoint. Go on? (yes)")
        answer = await emit.ask(requested)
        emit(InputReceived(requested.request_id, describe_answer(requested, answer)))
        if answer is False or str(answer).strip().lower() in _STOPS:
            raise AgentError("stopped at a breakpoint of the graph")


def _check_edits(answer: object, emit: Emit) -> None:
    """Check that an edit does not make another call that is denied."""
    for decision in answer if isinstance(answer, list) else ():
        match decision:
            case {"type": "edit", "edited_action": {"name": name}}:
                verdict = emit.judge(str(name))
                if verdict.action == "deny":
                    raise AgentError(f"{one_line(str(name), 80)} is denied by {verdict.rule}")


def _find_tools(graph: Any, seen: set[int]) -> Iterator[ToolInfo]:
    if id(graph) in seen:
        return
    seen.add(id(graph))
    for node in graph.nodes.values():
        bound = getattr(node, "bound", None)
        for tool in getattr(bound, "tools_by_name", {}).values():
            yield ToolInfo(tool.name, tuple(tool.args), one_line(tool.description, 300))
        for inner in _list_inner(node):
            yield from _find_tools(inner, seen)


def _list_inner(node: Any) -> Iterator[Any]:
    """Yield the graphs that a node is, or runs."""
    for inner in (getattr(node, "bound", None), *(getattr(node, "subgraphs", None) or ())):
        if hasattr(inner, "nodes") and hasattr(inner, "astream"):
            yield inner
