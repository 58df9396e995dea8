"""Requests one message from the model, follows it to its end, and retries where that can help."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool

from streamchat.agent.binding import ModelBinding
from streamchat.agent.control import TurnControl
from streamchat.agent.decoder import ChunkDecoder
from streamchat.agent.errors import AgentError
from streamchat.agent.message_stream import open_stream
from streamchat.agent.prompt import Prompt
from streamchat.agent.reply import Reply, find_fault, to_step_finished
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.agent.watchdog import Watchdog
from streamchat.config import OPENAI_KEY
from streamchat.events import Notice, StepStarted, ToolFinished
from streamchat.models.errors import describe
from streamchat.models.progress import Progress
from streamchat.models.refusals import is_unknown_model
from streamchat.models.retry import is_rate_limit, seconds_until_retry
from streamchat.text.redact import Redactor

_MAX_RETRIES = 2
_NAMES_TIMEOUT = 3.0
"""Seconds to wait for the server's list of models."""


@runtime_checkable
class ListsModels(Protocol):
    """A model that can list the models on its server."""

    async def list_models(self) -> list[str]: ...


@runtime_checkable
class Primable(Protocol):
    """A model that can process the beginning of every prompt ahead of the first question."""

    async def prime(
        self, system: BaseMessage, tools: Sequence[dict[str, Any]], progress: Progress
    ) -> None: ...


class ModelClient:
    """Requests messages from a model, and remembers what its server does not support.

    Args:
        llm: the model.
        tools: the tools it is offered; may be empty.
        timeout: seconds without progress after which a request fails.
        redactor: keeps secrets out of errors.
    """

    def __init__(
        self, llm: BaseChatModel, tools: Sequence[BaseTool], timeout: float, redactor: Redactor
    ) -> None:
        self._binding = ModelBinding.bind(llm, tools)
        self._timeout = timeout
        self._redactor = redactor
        self._slots: asyncio.Semaphore | None = getattr(llm, "slots", None)

    @property
    def llm(self) -> BaseChatModel:
        return self._binding.llm

    async def request_reply(
        self,
        step: int,
        prompt: Prompt,
        taken_ids: set[str],
        streamer: QueueCallbackHandler,
        control: TurnControl | None = None,
    ) -> Reply:
        """Return the model's next message. Its events go to the streamer as they happen.

        Args:
            step: its number in the turn.
            prompt: what the model is sent.
            taken_ids: call IDs used earlier in the turn; new ones are added.
            streamer: receives the events.
            control: may refuse a call before it is complete.

        Raises:
            AgentError: the message cannot be used, or no progress was made for too long.
            Exception: raised by the model's library if a request fails for good.
        """
        control = control or TurnControl()
        tries, binding = 0, self._binding
        while True:
            watchdog = Watchdog(self._timeout)
            try:
                reply = await self._request(
                    binding, step, prompt, taken_ids, streamer, watchdog, control
                )
                break
            except Exception as error:
                begun = watchdog.began is not None
                if begun:
                    partial = await streamer.end_message()
                    await _fail_calls(partial, "the message is incomplete", streamer)
                prepared = await self._prepare_retry(binding, error, tries, streamer, begun=begun)
                if prepared is None:
                    raise
                tries, binding = tries + 1, prepared
        self._binding = binding  # a change that helped is kept, for other turns, too
        offered = binding.tool_names
        if find_fault(reply, offered):
            # Redact before anything is shortened: half a secret would not be recognized.
            fault = find_fault(reply.redact(self._redactor.redact), offered)
            await _fail_calls(reply, fault, streamer)
            raise AgentError(fault)
        return reply

    async def prime(self, prompt: Prompt, progress: Progress) -> None:
        """Process instructions and tools ahead of the first question, if the model can."""
        if isinstance(self.llm, Primable):
            tools = self._binding.options.get("tools", [])
            await self.llm.prime(prompt.system_message(tools_offered=True), tools, progress)

    async def list_models(self) -> list[str]:
        """Return the names of the server's models; none if there is no server."""
        return await self.llm.list_models() if isinstance(self.llm, ListsModels) else []

    async def describe(self, error: Exception) -> str:
        """Return an error as one line without secrets."""
        if isinstance(error, AgentError):
            return str(error)
        names: list[str] = []
        if is_unknown_model(error):
            with suppress(Exception):  # the names only improve the message
                async with asyncio.timeout(min(_NAMES_TIMEOUT, self._timeout)):
                    names = await self.list_models()
        return self._summarize(error, names)

    def omit_if_secret(self, error: Exception) -> Exception | None:
        """Return an error, or None if it must not be shown because it contains a secret."""
        return None if self._redactor.contains_secret(f"{error!s}{error!r}") else error

    def _summarize(self, error: Exception, names: Sequence[str] = ()) -> str:
        variable = getattr(self.llm, "key_variable", OPENAI_KEY)
        return describe(error, self._redactor, names, variable)

    async def _request(
        self,
        binding: ModelBinding,
        step: int,
        prompt: Prompt,
        taken_ids: set[str],
        streamer: QueueCallbackHandler,
        watchdog: Watchdog,
        control: TurnControl,
    ) -> Reply:
        offered = binding.offers_tools
        decoder = ChunkDecoder(text_is_answer=not offered, taken_ids=taken_ids)
        streamer.begin_message(decoder, watchdog)
        await streamer.put(StepStarted(step))
        messages = prompt.messages(tools_offered=offered)
        async with self._take_slot(streamer):
            started = perf_counter()
            with control.receive(decoder, watchdog):
                await self._stream(binding, messages, streamer, decoder, watchdog)
        reply = await streamer.end_message()
        reply = reply.refuse_incomplete() if watchdog.refused else reply
        began = watchdog.began
        await streamer.put(to_step_finished(reply, step, started, began))
        return reply

    @asynccontextmanager
    async def _take_slot(self, streamer: QueueCallbackHandler) -> AsyncIterator[None]:
        """Wait until the model has time, if it does only so much at once. That is no time-out."""
        if self._slots is None:
            yield
            return
        if self._slots.locked():
            await streamer.put(Notice("the model is answering others first"))
        async with self._slots:
            yield

    async def _stream(
        self,
        binding: ModelBinding,
        messages: list[BaseMessage],
        streamer: QueueCallbackHandler,
        decoder: ChunkDecoder,
        watchdog: Watchdog,
    ) -> None:
        """Drive the stream to its end. Each chunk has been passed to the streamer by then.

        The answer ends the message, too: small models may go on and on after it.
        """
        host = getattr(self.llm, "host", "") or "the model"
        stream = open_stream(binding, messages, streamer)
        # An async generator, though declared as an iterator.
        async with watchdog.watch(host), aclosing(stream) as chunks:  # type: ignore[type-var]
            async for _ in chunks:
                watchdog.check()
                if decoder.answered:
                    watchdog.finish_soon()
                if decoder.overran:
                    break

    async def _prepare_retry(
        self,
        binding: ModelBinding,
        error: Exception,
        tries: int,
        streamer: QueueCallbackHandler,
        *,
        begun: bool,
    ) -> ModelBinding | None:
        """Adapt the request to the server, or wait; return None if neither can help."""
        if begun:
            return None
        if adapted := binding.adapt(error):
            binding, change = adapted
            await streamer.put(Notice(f"{self._summarize(error)}; retrying {change}"))
            return binding
        wait = seconds_until_retry(error, tries)
        if wait is None or tries >= _MAX_RETRIES:
            return None
        seconds, wanted = wait
        limited = "rate limited, " if wanted and is_rate_limit(error) else ""
        text = f"{self._summarize(error)}; {limited}retrying in {seconds:g} s"
        await streamer.put(Notice(text, seconds if wanted else 0.0))
        await asyncio.sleep(seconds)
        return binding


async def _fail_calls(reply: Reply, why: str, streamer: QueueCallbackHandler) -> None:
    for call in reply.calls:
        await streamer.put(ToolFinished(call.call_id, f"not run: {why}", failed=True))
