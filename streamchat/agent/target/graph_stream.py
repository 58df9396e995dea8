"""Turns what a graph streams into events."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, assert_never

from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage

from streamchat.agent.decoder import ChunkDecoder, to_chunk_received
from streamchat.agent.reply import Reply
from streamchat.agent.target.graph_answer import GraphAnswer, find_messages
from streamchat.agent.target.graph_calls import GraphCalls
from streamchat.agent.target.graph_watcher import (
    GraphWatcher,
    ModelFailed,
    ModelStarted,
    Seen,
    ToolRunEnded,
    ToolRunStarted,
)
from streamchat.agent.target.interrupts import to_json
from streamchat.agent.target.play import Emit
from streamchat.agent.target.speakers import Floor, find_speaker
from streamchat.events import (
    Event,
    OutputReceived,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)

_INTERRUPT = "__interrupt__"


@dataclass(slots=True)
class _Request:
    """A request to a model that has not answered yet; `step` is 0 until it has been announced."""

    run_id: Hashable
    place: str
    time: float
    step: int = 0


@dataclass(slots=True)
class _Message:
    """A message on its way; its step is 0 if no model was asked for it."""

    decoder: ChunkDecoder
    run_id: Hashable
    step: int
    started: float
    first: float | None = None


@dataclass(slots=True)
class Silence:
    """Counts the messages that came in one piece, to say so after the turn.

    Attributes:
        reasons: the settings that made models do so, as far as they are known.
        nodes: those that returned a message for which no model seemed to be asked.
    """

    streamed: int = 0
    whole: int = 0
    reasons: dict[str, None] = field(default_factory=dict)
    nodes: dict[str, None] = field(default_factory=dict)

    def explain(self) -> str:
        """Return the notice; empty if something streamed, or there was nothing to."""
        if self.streamed:
            return ""
        if self.whole:
            why = next(iter(self.reasons), "streaming=False, or its class cannot stream")
            return f"nothing streamed: the model sends its messages whole ({why})"
        if self.nodes:
            node = next(iter(self.nodes))
            return f"nothing streamed: node {node} returned its message without a LangChain model"
        return ""


class GraphStream:
    """Decodes the parts of a turn's streams, and emits their events.

    Args:
        emit: takes the events.
        announces_first: whether the first speaker is announced, too.
        text_is_answer: whether every text is the answer.
        graph_name: the root graph's.
        takes_messages: whether the graph's state has messages.
        raw: whether to emit every chunk, too.

    Attributes:
        calls: the calls of the turn.
        interrupts: those that the last stream ended with, by their IDs.
        paused: whether the last stream ended at a breakpoint.
        silence: whether anything streamed, and why not.
    """

    def __init__(
        self,
        emit: Emit,
        *,
        announces_first: bool = False,
        text_is_answer: bool = False,
        graph_name: str = "",
        takes_messages: bool = True,
        raw: bool = False,
    ) -> None:
        self.watcher = GraphWatcher(self._see)
        self.calls = GraphCalls()
        self.interrupts: dict[str, Any] = {}
        self.paused = False
        self.silence = Silence()
        self._emit = emit
        self._floor = Floor(announces=announces_first)
        self._answer = GraphAnswer(takes_messages=takes_messages)
        self._text_is_answer = text_is_answer
        self._graph_name = graph_name
        self._raw = raw
        self._taken_ids: set[str] = set()
        self._messages: dict[Hashable, _Message] = {}
        self._done: set[Hashable] = set()
        self._requests: deque[_Request] = deque()
        self._failed: list[Hashable] = []
        self._steps = 0

    def begin(self) -> None:
        """Prepare for a stream: the first, or one that resumes."""
        self.interrupts, self.paused = {}, False

    def feed(self, part: Mapping[str, Any]) -> None:
        """Take a part of the stream."""
        match part["type"]:
            case "messages":
                message, metadata = part["data"]
                self._take_message(part["ns"], message, metadata)
            case "updates":
                self._take_updates(part["ns"], part["data"])
            case "custom":
                self._take_custom(part["data"])

    def finish(self) -> None:
        """Emit everything that was held back, also if the turn has failed or was cancelled."""
        for key in list(self._messages):
            self._close(key, complete=False)
        self._show(self._floor.close_all())
        self._show_calls(self.calls.close())

    def conclude(self) -> TurnDone:
        """Return the answer.

        Raises:
            AgentError: there is none.
        """
        answer, used = self._answer.choose(list(self.calls.used))
        return TurnDone(answer, used)

    def _take_message(self, ns: tuple[str, ...], message: Any, metadata: dict[str, Any]) -> None:
        if isinstance(message, AIMessage):
            key = (ns, message.id)
            if key in self._done:
                return
            if isinstance(message, AIMessageChunk):
                self._take_chunk(key, message, metadata)
            elif key not in self._messages:
                self._take_whole(key, message, metadata)
            else:
                self._close(key)
        elif isinstance(message, ToolMessage) and message.id not in self._done:
            self._done.add(message.id)
            self._show_calls(self.calls.read_result(message, perf_counter()))

    def _take_chunk(
        self, key: tuple[tuple[str, ...], Any], chunk: AIMessageChunk, metadata: dict[str, Any]
    ) -> None:
        found = self._messages.get(key)
        if found is None:
            self._close_failed()
            found = self._open(key, metadata, asked=True)
        self._decode(key, found, chunk)
        if chunk.chunk_position == "last":
            self.silence.streamed += 1
            self._close(key)

    def _take_whole(
        self, key: tuple[tuple[str, ...], Any], message: AIMessage, metadata: dict[str, Any]
    ) -> None:
        self._close_failed()
        found = self._open(key, metadata, asked=False)
        if found.step:
            self.silence.whole += 1
        else:
            self.silence.nodes[str(metadata.get("langgraph_node"))] = None
        self._decode(key, found, message)
        self._close(key)

    def _open(
        self, key: tuple[tuple[str, ...], Any], metadata: dict[str, Any], *, asked: bool
    ) -> _Message:
        """Begin a message, of which the request may be known."""
        ns, id = key
        self._floor.open(key, find_speaker(ns, metadata, self._graph_name))
        request = self._find_request(str(id), str(metadata.get("langgraph_checkpoint_ns") or ""))
        if request is None and asked:
            request = _Request(id, "", perf_counter())
        decoder = ChunkDecoder(text_is_answer=self._text_is_answer, taken_ids=self._taken_ids)
        if request is None:
            message = _Message(decoder, None, 0, perf_counter())
        else:
            if not request.step:
                request.step = self._count_step()
                self._show(self._floor.feed(key, [StepStarted(request.step)]))
            message = _Message(decoder, request.run_id, request.step, request.time)
        self._messages[key] = message
        return message

    def _decode(self, key: Hashable, message: _Message, data: AIMessage) -> None:
        if self._raw:
            self._emit(to_chunk_received(data))
        events = message.decoder.feed(data)
        if events:
            if message.first is None and isinstance(data, AIMessageChunk):
                message.first = perf_counter()
            self._show(self._floor.feed(key, events))

    def _close(self, key: Hashable, *, complete: bool = True) -> None:
        message = self._messages.pop(key)
        self._done.add(key)
        events, reply = message.decoder.finish()
        if complete:
            self._answer.add_text(reply.text)
            self._answer.add_calls(reply.calls)
            if message.step:
                events.append(_to_step(message, reply))
        self._show(self._floor.feed(key, events))
        self._show(self._floor.close(key))
        if complete:
            self._show_calls(self.calls.add(reply, perf_counter()))

    def _find_request(self, message_id: str, place: str) -> _Request | None:
        """Return the request that a message answers, and forget it.

        LangChain names a message after the run, unless its server has given it an ID.
        """
        for request in self._requests:
            if str(request.run_id) in message_id:
                break
        else:
            request = next((each for each in self._requests if each.place == place), None)  # type: ignore[assignment]
        if request:
            self._requests.remove(request)
        return request

    def _count_step(self) -> int:
        self._steps += 1
        return self._steps

    def _take_updates(self, ns: tuple[str, ...], updates: Mapping[str, Any]) -> None:
        for node, update in updates.items():
            if node != _INTERRUPT:
                self._close_returned(ns, update)
                if not ns:
                    self._answer.add_update(update)
            elif not ns:
                self.interrupts |= {each.id: each for each in update}
                self.paused = self.paused or not update

    def _close_returned(self, ns: tuple[str, ...], update: object) -> None:
        """Close messages that a node has returned, if their last chunk did not say it was."""
        if self._messages and isinstance(update, Mapping):
            for message in find_messages(update.get("messages")):
                if (ns, message.id) in self._messages:
                    self._close((ns, message.id))

    def _take_custom(self, data: object) -> None:
        text = data if isinstance(data, str) else to_json(data)
        for line in text.splitlines():
            if line.strip():
                self._emit(OutputReceived(line, "custom"))

    def _see(self, seen: Seen) -> None:
        match seen:
            case ModelStarted(run_id, place, time, silent):
                if silent:
                    self.silence.reasons[silent] = None
                self._requests.append(request := _Request(run_id, place, time))
                if self._floor.is_free:
                    request.step = self._count_step()
                    self._emit(StepStarted(request.step))
            case ModelFailed(run_id):
                self._failed.append(run_id)
            case ToolRunStarted(run_id, server_id, name, arguments, time):
                self._show_calls(self.calls.start(run_id, server_id, name, arguments, time))
            case ToolRunEnded(run_id, BaseException() as error, time):
                self._show_calls(self.calls.fail(run_id, error, time))
            case ToolRunEnded(run_id, output, time):
                self._show_calls(self.calls.end(run_id, output, time))
            case _:
                assert_never(seen)

    def _close_failed(self) -> None:
        """Close the messages of requests that have failed; somebody tries again.

        This waits for another message, because the last chunks may come after the failure.
        """
        failed, self._failed = self._failed, []
        for key, message in list(self._messages.items()):
            if message.run_id in failed:
                self._close(key, complete=False)
        self._requests = deque(each for each in self._requests if each.run_id not in failed)

    def _show(self, events: list[Event]) -> None:
        for event in events:
            self._emit(event)

    def _show_calls(self, events: list[Event]) -> None:
        """Emit what happens to calls; to a call that is not shown yet, after its beginning."""
        current = ""
        for event in events:
            if isinstance(event, ToolStarted | ToolFinished):
                current = event.call_id
            if isinstance(event, ToolFinished) and event.failed:
                self._answer.refuse(current)
            self._show(self._floor.feed_call(current, [event]))


def _to_step(message: _Message, reply: Reply) -> StepFinished:
    return StepFinished(
        step=message.step,
        finish_reason=reply.finish_reason,
        seconds=perf_counter() - message.started,
        first_token_seconds=None if message.first is None else message.first - message.started,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
    )
