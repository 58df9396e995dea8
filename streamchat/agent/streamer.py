"""From LangChain's callback to an asynchronous iterator of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk

from streamchat.agent.decoder import ChunkDecoder, Reply, received
from streamchat.events import (
    AnswerDelta,
    ChunkReceived,
    Event,
    LastEvent,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.text.redact import EventRedactor, Redactor
from streamchat.text.sanitize import sanitize
from streamchat.turn import find_answer, fold


class QueueCallbackHandler(AsyncCallbackHandler):
    """Decodes the tokens LangChain calls back with and puts the events on a queue.

    Iterate over it to get the events of one turn; the iteration ends after the turn's last event.
    Whoever runs the turn ends it with `close`: `AgentExecutor.invoke` does so in every case.

    Args:
        queue: the caller's own queue. If it is bounded, a slow consumer slows the model down; then
            read it by iterating, as the last event may have to be kept beside a full queue.
        keep_chunks: whether to keep every message chunk in `chunks`.
        raw: whether every chunk is also put on the queue as a `ChunkReceived`.
    """

    # A failing decoder must end the turn, and LangChain only logs a handler's errors by default.
    raise_error = True
    # Handlers that are not inline get a task each for every token.
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
        self.received = 0
        """How many chunks of the current message came."""
        self.moved = 0
        """How many of them moved something: a ping or an empty delta does not."""
        self.began = False
        """Whether any of the message's own words came, thoughts being some."""
        self.finished = False
        """Whether the model has said why it ended; what may follow are its counts."""
        self.calls = 0
        """How many calls the current message has."""
        self._progress = ""
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
        **kwargs: Any,
    ) -> None:
        """Puts what the chunk makes happen on the queue."""
        if isinstance(chunk, ChatGenerationChunk) and isinstance(chunk.message, AIMessage):
            await self.receive(chunk.message)

    async def receive(self, message: AIMessage) -> None:
        """Decodes a chunk, or a whole message of a model that does not stream."""
        self.received += 1
        if self._keep_chunks and isinstance(message, AIMessageChunk):
            self.chunks.append(message)
        if self.raw or self.verbose:
            await self._show_raw(received(message))
        events = self._decoder.feed(message)
        self.began = self.began or bool(events)
        extra = message.additional_kwargs
        progress = str(extra.get("prompt_progress") or self._progress)
        self.moved += bool(events or extra.get("refusal") or progress != self._progress)
        self._progress = progress
        self.finished = self.finished or bool(message.response_metadata.get("finish_reason"))
        self.calls += sum(isinstance(event, ToolCallStarted) for event in events)
        for event in events:
            await self.put(event)

    async def _show_raw(self, chunk: ChunkReceived) -> None:
        if self.verbose:
            for line in map(self._redactor.redact, chunk.lines()):
                print(sanitize(line), flush=True)  # noqa: T201  # what `verbose` is for
        if self.raw:
            await self.put(chunk)

    def redact_with(self, redactor: Redactor) -> None:
        """Redact the events from now on."""
        self._redactor = redactor
        self._events = EventRedactor(redactor)

    def begin_message(self, decoder: ChunkDecoder) -> None:
        """From now on the chunks are those of a new message, which `decoder` decodes."""
        self._decoder = decoder
        self.received = self.moved = self.calls = 0
        self.began = self.finished = False
        self._progress = ""

    async def end_message(self) -> Reply:
        """Puts what the decoder still held back on the queue and returns the whole message."""
        events, reply = self._decoder.finish()
        for event in events:
            await self.put(event)
        return reply

    @property
    def answer_so_far(self) -> str:
        """What the current message holds of an answer."""
        return find_answer(fold(self._message))

    async def put(self, event: Event) -> None:
        """Puts an event on the queue, behind those before it."""
        for masked in self._events.feed(event):
            self._remember(masked)
            await self.queue.put(masked)

    def close(self, event: LastEvent) -> None:
        """Ends the turn. It never waits: a turn ends also when nobody reads a full queue."""
        self._last += self._events.feed(event)
        with suppress(asyncio.QueueFull):
            while self._last:
                self.queue.put_nowait(self._last[0])
                del self._last[0]

    def _remember(self, event: Event) -> None:
        match event:
            case TurnStarted() | StepStarted():
                self._message = []
            case TextDelta() | AnswerDelta() | ToolCallStarted() | ToolFinished():
                self._message.append(event)
