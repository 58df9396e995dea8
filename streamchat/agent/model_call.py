"""One step of an agent: the model is asked for its next message, which arrives whole or not at all.

Servers refuse what others take, are busy, break off, or fall silent. All of that ends here, in a
reply or in an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from time import perf_counter
from typing import Any, Protocol, TypeAlias, runtime_checkable

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from streamchat.agent.decoder import ChunkDecoder, Reply
from streamchat.agent.prompt import Prompt
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.events import Notice, StepFinished, StepStarted, ToolFinished
from streamchat.models.errors import (
    complaint,
    describe,
    is_unknown_model,
    refuses_tools,
    seconds_until_retry,
)
from streamchat.models.openai_compatible import without_refused_option
from streamchat.models.progress import Progress
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import one_line

_RETRIES = 2
_NAMES_SECONDS = 3.0
"""Seconds that a server has to tell which models it has."""
_AFTER_THE_END = 3.0
"""Seconds that the end of the response may take longer than a gap, once the message is whole."""
_MOST_CALLS = 500
"""Calls in one message."""
_MOST_ARGUMENTS = 100
"""Characters of arguments that are shown in an error."""
_Model: TypeAlias = Runnable[LanguageModelInput, AIMessage]


@runtime_checkable
class OnServer(Protocol):
    """A model that a server has, and maybe others."""

    async def model_names(self) -> list[str]:
        """Returns the names of all its models."""


@runtime_checkable
class CanPrime(Protocol):
    """A model that can read ahead what every question begins with."""

    async def prime(
        self, system: BaseMessage, tools: Sequence[dict[str, Any]], progress: Progress
    ) -> None:
        """Reads the system message and the tools."""


class AgentError(Exception):
    """A turn ended without an answer. The message is one line that says why."""


class ModelStep:
    """Asks a model for messages, and remembers what its server takes and what it does not.

    Args:
        llm: the model.
        tools: what the model is offered; may be empty.
        timeout: seconds without progress after which a step fails.
        redactor: keeps secrets out of errors.
    """

    def __init__(
        self, llm: BaseChatModel, tools: Sequence[BaseTool], timeout: float, redactor: Redactor
    ) -> None:
        self.llm = llm
        self._redactor = redactor
        self._tools = tools
        self._timeout = timeout
        # The first is in force; the next takes its place when the server refuses it.
        self._tool_choices: list[str | None] = ["any", "auto", None] if tools else [None]
        self._bound: _Model | None = None

    async def reply(
        self, step: int, prompt: Prompt, taken_ids: set[str], streamer: QueueCallbackHandler
    ) -> Reply:
        """Returns the model's next message; its events go to the streamer as they happen.

        Args:
            taken_ids: the call ids of the turn so far; new ones are added.

        Raises:
            AgentError: the message is unusable, or nothing came for too long.
            Exception: whatever the model's library raises when a request fails for good.
        """
        tries = 0
        before = self.llm, self._tool_choices
        while True:
            try:
                reply = await self._ask(step, prompt, taken_ids, streamer)
            except Exception as error:
                if streamer.began:
                    reply = await streamer.end_message()
                    await _fail_calls(reply, "it did not arrive whole", streamer)
                if streamer.began or not await self._can_retry(error, tries, streamer):
                    # What did not help is not remembered.
                    (self.llm, self._tool_choices), self._bound = before, None
                    raise
                tries += 1
                continue
            if _fault(reply):
                # Redact before anything is shortened: half a secret would not be recognised.
                fault = _fault(_redact_reply(reply, self._redactor.redact))
                await _fail_calls(reply, fault, streamer)
                raise AgentError(fault)
            return reply

    async def prime(self, prompt: Prompt, progress: Progress) -> None:
        """Lets the model read its instructions and tools ahead, if it is one that can."""
        if isinstance(self.llm, CanPrime):
            tools = getattr(self._model(), "kwargs", {}).get("tools", [])
            await self.llm.prime(prompt.system_message(tools_offered=True), tools, progress)

    async def model_names(self) -> list[str]:
        """Returns the names of the models that the server has; none if there is no server."""
        return await self.llm.model_names() if isinstance(self.llm, OnServer) else []

    async def describe(self, error: Exception) -> str:
        """Returns the error in one line that does not hold the key."""
        if isinstance(error, AgentError):
            return str(error)
        names: list[str] = []
        if is_unknown_model(error):
            with suppress(Exception):  # it is only for the user's convenience
                async with asyncio.timeout(min(_NAMES_SECONDS, self._timeout)):
                    names = await self.model_names()
        return describe(error, self._redactor, names)

    def without_secrets(self, error: Exception) -> Exception | None:
        """Returns the error as a cause to show, or None if the server has put a secret into it."""
        return None if self._redactor.contains_secret(f"{error!s}{error!r}") else error

    async def _ask(
        self, step: int, prompt: Prompt, taken_ids: set[str], streamer: QueueCallbackHandler
    ) -> Reply:
        offered = self._tool_choices[0] is not None
        streamer.begin_message(ChunkDecoder(text_is_answer=not offered, taken_ids=taken_ids))
        await streamer.put(StepStarted(step))
        started = perf_counter()
        first = await self._stream(prompt.messages(tools_offered=offered), streamer)
        reply = await streamer.end_message()
        await streamer.put(
            StepFinished(
                step=step,
                finish_reason=reply.finish_reason,
                seconds=perf_counter() - started,
                first_token_seconds=first and first - started,
                input_tokens=reply.input_tokens,
                output_tokens=reply.output_tokens,
            )
        )
        return reply

    async def _stream(
        self, messages: list[BaseMessage], streamer: QueueCallbackHandler
    ) -> float | None:
        """Lets a message stream to the end and returns when its first piece came."""
        first: float | None = None
        seen = 0, False
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._timeout) as patience:
                stream = self._model().astream(messages, {"callbacks": [streamer]})
                async with aclosing(stream) as chunks:  # type: ignore[type-var]  # it is a generator
                    async for chunk in chunks:
                        if not streamer.received:  # a model that does not stream calls nobody back
                            await streamer.receive(chunk)
                        if first is None and streamer.began:
                            first = perf_counter()
                        # A ping or an empty chunk is no progress; a reason for the end is.
                        if (streamer.moved, streamer.finished) != seen:
                            seen = streamer.moved, streamer.finished
                            longer = _AFTER_THE_END if streamer.finished else 0.0
                            patience.reschedule(clock() + self._timeout + longer)
                        if streamer.calls > _MOST_CALLS:
                            raise AgentError(f"the model made over {_MOST_CALLS} calls at once")
        except TimeoutError as error:
            if not patience.expired():
                raise
            what = "nothing new" if streamer.received else "no answer"
            raise AgentError(
                f"timed out: {what} from {self._host} for {self._timeout:g} s (--timeout)"
            ) from error
        return first

    @property
    def _host(self) -> str:
        return getattr(self.llm, "host", "") or "the model"

    def _model(self) -> _Model:
        if self._bound is None:
            choice = self._tool_choices[0]
            # A sequence of prompt and model would merge every chunk with all before it.
            self._bound = (
                self.llm.bind_tools(self._tools, tool_choice=choice) if choice else self.llm
            )
        return self._bound

    async def _can_retry(
        self, error: Exception, tries: int, streamer: QueueCallbackHandler
    ) -> bool:
        """Whether to send the request again: changed to what the server takes, or after a wait."""
        if again := self._concession(error):
            await streamer.put(Notice(f"{describe(error, self._redactor)}; asking again {again}"))
            return True
        wait = seconds_until_retry(error, tries)
        if wait is None or tries >= _RETRIES:
            return False
        seconds, wanted = wait
        text = f"{describe(error, self._redactor)}; asking again in {seconds:g} s"
        await streamer.put(Notice(text, seconds if wanted else 0.0))
        await asyncio.sleep(seconds)
        return True

    def _concession(self, error: Exception) -> str:
        """Gives way to what the server refuses and says how, or returns an empty text."""
        if plainer := without_refused_option(self.llm, complaint(error)):
            self.llm, self._bound = plainer, None
            return "without that option"
        refused = isinstance(error, NotImplementedError) or refuses_tools(error)
        if refused and len(self._tool_choices) > 1:
            self._tool_choices = self._tool_choices[1:]
            self._bound = None
            return "with a free choice of tools" if self._tool_choices[0] else "without tools"
        return ""


def _fault(reply: Reply) -> str:
    """Returns what makes a message unusable as a whole, or an empty text.

    Some good servers never give a reason for the end. Then arguments that are whole are fine.
    """
    if reply.cut_off:
        reason = one_line(reply.finish_reason or "", 40)
        return f"the model's message was cut off (finish_reason: {reason}){_last_words(reply)}"
    for call in reply.calls:
        nothing = not call.arguments.strip() and not reply.broken_off
        if reply.finish_reason is None and not (call.whole or nothing):
            name = one_line(call.name, 40) or "a call"
            return f"the stream ended inside the arguments of {name}{_last_words(reply)}"
    if reply.refusal.strip():
        return f"the model refused: {one_line(reply.refusal, 250)}"
    if not reply.calls and not reply.text.strip():
        return "the model's message was empty"
    if not reply.calls and reply.broken_off:
        return "the answer may be cut off: the stream ended without finish_reason or [DONE]"
    return ""


def _redact_reply(reply: Reply, redact: Callable[[str], str]) -> Reply:
    calls = tuple(
        replace(call, name=redact(call.name), arguments=redact(call.arguments))
        for call in reply.calls
    )
    reason = None if reply.finish_reason is None else redact(reply.finish_reason)
    return replace(reply, refusal=redact(reply.refusal), finish_reason=reason, calls=calls)


def _last_words(reply: Reply) -> str:
    """Returns what had come of arguments that are not whole."""
    cut = [call.arguments for call in reply.calls if not call.whole]
    return f": {one_line(cut[-1], _MOST_ARGUMENTS)}" if cut and cut[-1] else ""


async def _fail_calls(reply: Reply, why: str, streamer: QueueCallbackHandler) -> None:
    for call in reply.calls:
        await streamer.put(ToolFinished(call.call_id, f"not run: {why}", failed=True))
