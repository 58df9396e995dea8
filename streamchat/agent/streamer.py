"""A LangChain callback handler that is an asynchronous iterator of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, GenerationChunk, LLMResult

from streamchat.agent.decoder import ChunkDecoder, to_chunk_received
from streamchat.agent.deltas import read_message
from streamchat.agent.prompt_progress import read_prompt_progress
from streamchat.agent.reply import Reply
from streamchat.agent.watchdog import Watchdog
from streamchat.events import (
    AnswerDelta,
    ChunkReceived,
    Event,
    LastEvent,
    PromptProgress,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.models.wire.delta import Delta
from streamchat.text.redact import EventRedactor, Redactor
from streamchat.text.sanitize import sanitize
from streamchat.turn import find_answer, fold


class QueueCallbackHandler(AsyncCallbackHandler):
    """Decodes a model's chunks as LangChain passes them on, and puts the events on a queue.

    Iterate over it to get the events of one turn, up to its last. `AgentExecutor.invoke` always
    ends the turn; with a chain of your own, call `close` to end it.

    Args:
        queue: a queue of your own. If it is bounded, a slow consumer slows the model down. Read
            such a queue by iterating over the handler: the last event may not fit into it.
        keep_chunks: whether to keep every message chunk in `chunks`.
        raw: whether to put every chunk on the queue too, as a `ChunkReceived`.
    """

    # LangChain only logs a handler's errors by default, but a failing decoder must end the turn.
    raise_error = True
    # Otherwise LangChain starts a task for every token.
    run_inline = True

    def __init__(
        self,
        queue: asyncio.Queue[Event] | None = None,
        *,
        keep_chunks: bool = False,
        raw: bool = False,
    ) -> None:
        self.queue: asyncio.Queue[Event] = asyncio.Queue() if queue is None else queue
        self.chunks: list[AIMessageChunk] = []
        self.raw = raw
        self.verbose = False
        self._keep_chunks = keep_chunks
        self._decoder = ChunkDecoder()
        self._last: list[Event] = []
        self._watchdog: Watchdog | None = None
        self._progress: PromptProgress | None = None
        self._streamed: set[UUID | None] = set()
        self._redactor = Redactor()
        self._events = EventRedactor(self._redactor)
        self._message: list[Event] = []

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            event = await self._next()
            yield event
            if isinstance(event, TurnDone | TurnFailed | TurnCancelled):
                return

    async def _next(self) -> Event:
        if self._last and self.queue.empty():
            return self._last.pop(0)
        return await self.queue.get()

    async def on_llm_new_token(
        self,
        token: str | list[str | dict[str, Any]],
        *,
        chunk: GenerationChunk | ChatGenerationChunk | None = None,
        run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """Put the events of a chunk on the queue."""
        if isinstance(chunk, ChatGenerationChunk) and isinstance(chunk.message, AIMessage):
            self._streamed.add(run_id)
            await self._receive(chunk.message)

    async def on_llm_end(
        self, response: LLMResult, *, run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """Put the events of a whole message on the queue, if its model did not stream it."""
        if run_id in self._streamed:
            self._streamed.discard(run_id)
            return
        for generation in response.generations[0][:1]:
            if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage):
                await self._receive(generation.message)

    async def on_llm_error(
        self, error: BaseException, *, run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        self._streamed.discard(run_id)

    async def _receive(self, message: AIMessage) -> None:
        if self._keep_chunks and isinstance(message, AIMessageChunk):
            self.chunks.append(message)
        if self.raw or self.verbose:
            await self._report_raw(to_chunk_received(message))
        await self._decode(read_message(message))

    async def receive(self, delta: Delta) -> None:
        """Put the events of a chunk that comes from no model of LangChain's on the queue."""
        if self.raw or self.verbose:
            await self._report_raw(to_chunk_received(delta))
        await self._decode(delta)

    async def _decode(self, delta: Delta) -> None:
        events = self._decoder.feed(delta)
        if self._watchdog:
            self._watchdog.observe(delta, events)
        for event in events:
            await self.put(event)
        if delta.prompt_progress:
            await self._report_progress(delta.prompt_progress)

    async def _report_progress(self, text: str) -> None:
        progress = read_prompt_progress(text)
        if progress and progress != self._progress:
            self._progress = progress
            await self.put(progress)

    async def _report_raw(self, chunk: ChunkReceived) -> None:
        if self.verbose:
            for line in map(self._redactor.redact, chunk.lines()):
                print(sanitize(line), flush=True)  # noqa: T201  # what `verbose` is for
        if self.raw:
            await self.put(chunk)

    def redact_with(self, redactor: Redactor) -> None:
        """Redact events with this redactor from now on."""
        self._redactor = redactor
        self._events = EventRedactor(redactor)

    def begin_message(self, decoder: ChunkDecoder, watchdog: Watchdog | None = None) -> None:
        """Start a new message: decode its chunks with `decoder`, and let `watchdog` see them."""
        self._decoder, self._watchdog, self._progress = decoder, watchdog, None

    async def end_message(self) -> Reply:
        """Put the events that the decoder held back on the queue, and return the whole message."""
        events, reply = self._decoder.finish()
        for event in events:
            await self.put(event)
        return reply

    @property
    def needs_callbacks(self) -> bool:
        """Whether messages must come through LangChain's callbacks, and not by `receive`."""
        return self._keep_chunks or type(self) is not QueueCallbackHandler

    @property
    def answer_so_far(self) -> str:
        """The part of the answer that has arrived in the current message."""
        return find_answer(fold(self._message))

    async def put(self, event: Event) -> None:
        """Put an event on the queue; waits while it is full."""
        for redacted in self._events.feed(event):
            self._note(redacted)
            if self.queue.full() and self._watchdog:
                with self._watchdog.pause():  # who reads is slow, and not the model
                    await self.queue.put(redacted)
            else:
                await self.queue.put(redacted)

    @property
    def has_room(self) -> bool:
        """Whether the queue takes another event at once."""
        return not self.queue.full()

    def push(self, event: Event) -> None:
        """Put an event that does not come from the model on the queue, which must have room."""
        for redacted in self._events.feed(event):
            self._note(redacted)
            self.queue.put_nowait(redacted)

    def close(self, event: LastEvent) -> None:
        """End the turn. This never waits, even if the queue is full and nothing reads it."""
        self._last += self._events.feed(event)
        with suppress(asyncio.QueueFull):
            while self._last:
                self.queue.put_nowait(self._last[0])
                del self._last[0]

    def _note(self, event: Event) -> None:
        match event:
            case TurnStarted() | StepStarted():
                self._message = []
            case TextDelta() | AnswerDelta() | ToolCallStarted() | ToolFinished():
                self._message.append(event)
