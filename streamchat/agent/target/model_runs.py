"""Follows the models and tools that run inside the user's code, by LangChain's callbacks."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult

from streamchat.agent.decoder import ChunkDecoder, to_chunk_received
from streamchat.agent.reply import Reply, to_step_finished
from streamchat.agent.target.calls import CallBook
from streamchat.events import (
    AnswerDelta,
    Event,
    StepStarted,
    TextDelta,
    ToolCallStarted,
)


@dataclass(slots=True)
class ModelRun:
    """A model at work on one message.

    Attributes:
        number: ordinal of the message in the turn.
        step: the step that asked for it; 0 if that could not be seen.
        held: chunks that the chain has not handed out, with the events of their text.
        handed_out: whether the chain hands out this message.
    """

    number: int
    step: int
    decoder: ChunkDecoder
    holds_text: bool = False
    started: float = field(default_factory=perf_counter)
    first: float | None = None
    streamed: bool = False
    held: deque[tuple[AIMessage, list[Event]]] = field(default_factory=deque)
    handed_out: bool = False
    reply: Reply | None = None


class ModelRuns(BaseCallbackHandler):
    """Turns callbacks into events: steps, reasoning, text, calls and their results.

    Args:
        emit: takes the events; belongs to the event loop in which this is made.
        holds_text: whether text waits until the chain hands out the chunk it came in, because not
            every model in a chain writes its answer.
        runs_calls: whether tools run once their message is complete, unseen by callbacks.
        raw: whether to emit every chunk, too.

    Attributes:
        calls: the calls of the turn.
        last: the latest complete message.
        streamed: whether any model has streamed.
    """

    # LangChain only logs a handler's errors by default, but a failing decoder must end the turn.
    raise_error = True
    # Otherwise LangChain starts a thread for every token.
    run_inline = True

    def __init__(
        self,
        emit: Callable[[Event], None],
        *,
        holds_text: bool = False,
        runs_calls: bool = False,
        raw: bool = False,
    ) -> None:
        self.calls = CallBook(emit)
        self.last: Reply | None = None
        self.streamed = False
        self._emit = emit
        self._holds_text = holds_text
        self._runs_calls = runs_calls
        self._raw = raw
        self._messages = self._steps = 0
        self._taken_ids: set[str] = set()
        self._runs: dict[UUID, ModelRun] = {}
        self._by_message: dict[str, ModelRun] = {}
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def asked(self) -> bool:
        """Whether any model has been asked."""
        return self._steps > 0

    @property
    def handed_out(self) -> Sequence[ModelRun]:
        """The messages that the chain has handed out."""
        runs = {run.number: run for run in self._by_message.values() if run.handed_out}
        return list(runs.values())

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        offers_tools = bool((kwargs.get("invocation_params") or {}).get("tools"))
        self._call(self._start, run_id, messages[0] if messages else [], offers_tools)

    def on_llm_start(
        self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **kwargs: Any
    ) -> None:
        self._call(self._start, run_id, [], False)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **_: Any) -> None:
        self._call(self._receive, run_id, chunk)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        self._call(self._end, run_id, response)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._call(self._fail, run_id)

    def on_tool_start(
        self, serialized: dict[str, Any] | None, input_str: str, *, run_id: UUID, **kwargs: Any
    ) -> None:
        name = str((serialized or {}).get("name") or kwargs.get("name") or "")
        call_id, inputs = kwargs.get("tool_call_id"), kwargs.get("inputs")
        self._call(self.calls.start, run_id, call_id, name, inputs)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._call(self.calls.end, run_id, output)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._call(self.calls.fail, run_id, error)

    def open(self, *, step: bool = True, text_is_answer: bool = True) -> ModelRun:
        """Begin a message; `step` says whether a model is asked for it."""
        self._messages += 1
        self._steps += step
        if step:
            self._emit(StepStarted(self._steps))
        decoder = ChunkDecoder(text_is_answer=text_is_answer, taken_ids=self._taken_ids)
        return ModelRun(self._messages, self._steps if step else 0, decoder)

    def feed(self, run: ModelRun, message: AIMessage) -> None:
        """Decode a chunk, or a whole message."""
        if self._raw:
            self._emit(to_chunk_received(message))
        texts = self._show(run, run.decoder.feed(message))
        if run.holds_text:
            run.held.append((message, texts))

    def finish(self, run: ModelRun, *, broken: bool = False) -> None:
        """End a message; `broken` if there was an error in the middle of it."""
        events, run.reply = run.decoder.finish()
        texts = self._show(run, events)
        if run.held:
            run.held[-1][1].extend(texts)
        elif run.handed_out:
            self._pass_on(texts)
        if broken:
            self.calls.give_up("the message is incomplete", run.number)
            return
        self.last = run.reply
        if run.step:
            self._emit(to_step_finished(run.reply, run.step, run.started, run.first))
        self.calls.complete(run.reply.calls, run=self._runs_calls)

    def hand_out(self, message: AIMessage) -> bool:
        """Show the text of a chunk, or of a whole message, that the chain hands out.

        Returns:
            False if it is not as a model wrote it.
        """
        run = self._by_message.get(message.id or "")
        if run is None:
            return False
        is_whole = run.reply is not None and run.reply.text == message.text
        if not (is_whole or any(chunk is message for chunk, _ in run.held)):
            run.held.clear()
            return False
        run.handed_out = True
        while run.held:
            chunk, texts = run.held.popleft()
            self._pass_on(texts)
            if chunk is message:
                break
        return True

    def _call(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do the work in the event loop: synchronous code of the user's runs in other threads."""
        if threading.get_ident() == self._thread:
            work(*arguments)
        else:
            self._loop.call_soon_threadsafe(work, *arguments)

    def _start(self, run_id: UUID, messages: list[BaseMessage], offers_tools: bool) -> None:
        self.calls.read_results(messages)
        run = self.open(text_is_answer=self._holds_text and not offers_tools)
        run.holds_text = self._holds_text
        self._runs[run_id] = run

    def _receive(self, run_id: UUID, chunk: object) -> None:
        if not (run := self._runs.get(run_id)):
            return
        self.streamed = run.streamed = True
        if isinstance(chunk, ChatGenerationChunk) and isinstance(chunk.message, AIMessageChunk):
            if chunk.message.id:
                self._by_message[chunk.message.id] = run
            self.feed(run, chunk.message)
        elif run.first is None:
            run.first = perf_counter()

    def _end(self, run_id: UUID, response: LLMResult) -> None:
        if not (run := self._runs.pop(run_id, None)):
            return
        generation = response.generations[0][0] if response.generations[0] else None
        message = generation.message if isinstance(generation, ChatGeneration) else None
        if isinstance(message, AIMessage) and not run.streamed:
            self._by_message[message.id or ""] = run
            self.feed(run, message)
        self.finish(run)

    def _fail(self, run_id: UUID) -> None:
        if run := self._runs.pop(run_id, None):
            self.finish(run, broken=True)

    def _show(self, run: ModelRun, events: Sequence[Event]) -> list[Event]:
        """Emit events, and return those of the text if it is held."""
        if events and run.first is None:
            run.first = perf_counter()
        texts: list[Event] = []
        for event in events:
            if isinstance(event, ToolCallStarted):
                self.calls.open(event.call_id, event.name, run.number)
            if run.holds_text and _is_plain(event):
                texts.append(event)
            else:
                self._emit(event)
        return texts

    def _pass_on(self, events: Sequence[Event]) -> None:
        for event in events:
            self._emit(event)


def _is_plain(event: Event) -> bool:
    """Whether an event is text of a message, and not of a call."""
    return isinstance(event, TextDelta) or (isinstance(event, AnswerDelta) and not event.call_id)
