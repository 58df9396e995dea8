"""Turns what a graph streams into events."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from time import perf_counter
from typing import Any, TypeAlias, assert_never

from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage

from streamchat.agent.decoder import ChunkDecoder, to_chunk_received
from streamchat.agent.reply import to_step_finished
from streamchat.agent.target.brake import Brake
from streamchat.agent.target.graph_answer import GraphAnswer, find_messages
from streamchat.agent.target.graph_calls import GraphCalls
from streamchat.agent.target.graph_requests import ModelRequest, ModelRequests, OpenMessage
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
from streamchat.agent.target.silence import Silence
from streamchat.agent.target.speakers import Floor, find_speaker
from streamchat.events import (
    Event,
    OutputReceived,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)

_INTERRUPT = "__interrupt__"
_Key: TypeAlias = tuple[tuple[str, ...], Any]
"""Namespace and ID of a message."""


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
        callbacks: those that the graph has to run with.
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
        self.callbacks = [GraphWatcher(self._see), Brake(emit)]
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
        self._messages: dict[Hashable, OpenMessage] = {}
        self._done: set[Hashable] = set()
        self._requests = ModelRequests()
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
        while self._messages:
            self._close(next(iter(self._messages.values())), complete=False)
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
                self._close(self._messages[key])
        elif isinstance(message, ToolMessage) and message.id not in self._done:
            self._done.add(message.id)
            self._show_calls(self.calls.read_result(message, perf_counter()))

    def _take_chunk(self, key: _Key, chunk: AIMessageChunk, metadata: dict[str, Any]) -> None:
        message = self._messages.get(key)
        if message is None:
            self._close_failed()
            message = self._find_continued(key, metadata)
            message = message or self._open(key, metadata, ModelRequest(key[1], "", perf_counter()))
            self._messages[key] = message
        self._decode(message, chunk)
        if chunk.chunk_position == "last":
            self.silence.streamed += 1
            self._close(message)

    def _take_whole(self, key: _Key, whole: AIMessage, metadata: dict[str, Any]) -> None:
        self._close_failed()
        message = self._open(key, metadata)
        if message.request.step:
            self.silence.whole += 1
        else:
            self.silence.nodes[str(metadata.get("langgraph_node"))] = None
        self._decode(message, whole)
        self._close(message)

    def _find_continued(self, key: _Key, metadata: dict[str, Any]) -> OpenMessage | None:
        id, place = str(key[1]), _find_place(metadata)
        for message in self._messages.values():
            if self._requests.continues(message, id, place):
                return message
        return None

    def _open(
        self, key: _Key, metadata: dict[str, Any], default: ModelRequest | None = None
    ) -> OpenMessage:
        """Begin a message; `default` is its request if that is unknown."""
        ns, id = key
        self._floor.open(key, find_speaker(ns, metadata, self._graph_name))
        request = self._requests.take(str(id), _find_place(metadata)) or default
        if request and not request.step:
            request.step = self._count_step()
            self._show(self._floor.feed(key, [StepStarted(request.step)]))
        decoder = ChunkDecoder(text_is_answer=self._text_is_answer, taken_ids=self._taken_ids)
        request = request or ModelRequest(id, "", perf_counter())
        self._messages[key] = message = OpenMessage(key, decoder, request)
        return message

    def _decode(self, message: OpenMessage, data: AIMessage) -> None:
        if self._raw:
            self._emit(to_chunk_received(data))
        if events := message.decoder.feed(data):
            if message.first is None and isinstance(data, AIMessageChunk):
                message.first = perf_counter()
            self._show(self._floor.feed(message.key, events))

    def _close(self, message: OpenMessage, *, complete: bool = True) -> None:
        self._done |= {key for key, each in self._messages.items() if each is message}
        self._messages = {key: each for key, each in self._messages.items() if each is not message}
        events, reply = message.decoder.finish()
        if complete:
            self._answer.add_text(reply.text, message.first or perf_counter())
            self._answer.add_calls(reply.calls)
            if message.request.step:
                request = message.request
                events.append(to_step_finished(reply, request.step, request.time, message.first))
        self._show(self._floor.feed(message.key, events))
        self._show(self._floor.close(message.key))
        if complete:
            self._show_calls(self.calls.add(reply, perf_counter()))

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
                if found := self._messages.get((ns, message.id)):
                    self._close(found)

    def _take_custom(self, data: object) -> None:
        text = data if isinstance(data, str) else to_json(data)
        for line in text.splitlines():
            if line.strip():
                self._emit(OutputReceived(line, "custom"))

    def _see(self, seen: Seen) -> None:
        match seen:
            case ModelStarted(run_id, place, time, silent, hidden):
                if silent:
                    self.silence.reasons[silent] = None
                self._requests.add(request := ModelRequest(run_id, place, time))
                # Of a hidden one nothing may come.
                if self._floor.is_free and not hidden:
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
        if failed:
            for message in list(self._messages.values()):
                if message.request.run_id in failed:
                    self._close(message, complete=False)
            self._requests.drop(failed)

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


def _find_place(metadata: Mapping[str, Any]) -> str:
    return str(metadata.get("langgraph_checkpoint_ns") or "")
