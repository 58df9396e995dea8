"""Plays an executor like the notebook's: `async invoke(input, streamer)`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk, LLMResult
from langchain_core.tools import BaseTool

from streamchat.agent.decoder import ChunkDecoder
from streamchat.agent.errors import AgentError
from streamchat.agent.prompt import to_messages
from streamchat.agent.source import Request, ToolInfo
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.agent.target.answer_text import AnswerText
from streamchat.agent.target.chain_output import to_text
from streamchat.agent.target.model_runs import ModelRuns
from streamchat.agent.target.own_memory import OwnMemory
from streamchat.agent.target.play import Emit
from streamchat.agent.watchdog import Watchdog
from streamchat.events import (
    Event,
    LastEvent,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.tools import list_names

_ANSWERS = ("answer", "output")


class NotebookPlay:
    """Asks an executor that streams through the callback handler it is given.

    Args:
        executor: has `async invoke(input, streamer)`, which returns a dict with the `answer`. If it
            has a list `chat_history`, that holds the conversation's history during each turn.

    Raises:
        AgentError: its `invoke` is synchronous, or takes no streamer.
    """

    wants_events = False

    def __init__(self, executor: Any) -> None:
        self._executor = executor
        self._type = type(executor).__name__
        self._one_by_one = asyncio.Lock()
        self._memory = OwnMemory(self._type, "a list `chat_history` of its own would")
        self._parameters = inspect.signature(executor.invoke).parameters
        takes_any = any(each.kind is each.VAR_POSITIONAL for each in self._parameters.values())
        if "streamer" not in self._parameters and not takes_any:
            if len(self._parameters) < 2 or not inspect.iscoroutinefunction(executor.invoke):
                raise AgentError(self._explain("takes no streamer"))
        elif inspect.isgeneratorfunction(executor.invoke):
            raise AgentError(self._explain("is a generator"))

    @property
    def name(self) -> str:
        return f"executor ({self._type})"

    @property
    def tools(self) -> Sequence[ToolInfo]:
        tools = getattr(self._executor, "tools", None)
        found = tools if isinstance(tools, list | tuple) else ()
        named = [each for each in found if isinstance(each, BaseTool)]
        return [ToolInfo(each.name, tuple(each.args), each.description) for each in named]

    async def answer(self, request: Request, emit: Emit) -> TurnDone:
        """Answer a question.

        Raises:
            AgentError: the executor is synchronous, or returns no answer.
            Exception: raised by the executor.
        """
        async with emit.hold(self._one_by_one):  # the executor has only one history
            return await self._answer(request, emit)

    async def _answer(self, request: Request, emit: Emit) -> TurnDone:
        self._remember(request, emit)
        answer = AnswerText(emit)
        streamer = NotebookStreamer(answer, emit.wait_for_room, raw=request.raw)
        last: LastEvent = TurnCancelled()
        try:
            returned = await self._invoke(request.question, streamer)
            text, tools_used = _read_answer(returned, answer.text)
            streamer.runs.calls.close()
            if not text.strip():
                raise AgentError(f"{self._type}.invoke returned no answer: return a dict with one")
            last = TurnDone(text, tools_used or tuple(streamer.runs.calls.used))
        except Exception as error:
            last = TurnFailed(str(error))
            raise
        finally:
            streamer.close(last)
        return last

    def _remember(self, request: Request, emit: Emit) -> None:
        history = getattr(self._executor, "chat_history", None)
        if isinstance(history, list):
            history[:] = to_messages((each.question, each.answer) for each in request.history)
        else:
            self._memory.check(request.questions, request.question, emit)

    async def _invoke(self, question: str, streamer: NotebookStreamer) -> Any:
        invoke: Callable[..., Any] = self._executor.invoke
        named = "streamer" in self._parameters
        # The first parameter is the input, whatever its name.
        result = invoke(question, streamer=streamer) if named else invoke(question, streamer)
        if not inspect.isawaitable(result):
            raise AgentError(self._explain("is synchronous"))
        return await result

    def _explain(self, what: str) -> str:
        return (
            f"{self._type}.invoke {what}: make it `async def invoke(self, input, streamer)`, and "
            "stream its model with `callbacks=[streamer]`"
        )


class NotebookStreamer(QueueCallbackHandler):
    """Passes the events of an executor's models on, and fills its own queue with them as well.

    Args:
        emit: takes the events.
        wait: waits while too many of them have not been taken.
        raw: whether to emit every chunk, too.
    """

    def __init__(
        self, emit: Callable[[Event], None], wait: Callable[[], Awaitable[None]], *, raw: bool
    ) -> None:
        super().__init__(raw=raw)
        self._wait = wait
        self._pass_on = emit
        self.runs = ModelRuns(self._emit, runs_calls=True, raw=raw)
        self._is_led = False
        """Whether an `AgentExecutor` uses it, which says itself where messages begin."""

    async def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        if not self._is_led:
            self.runs.on_chat_model_start(serialized, messages, run_id=run_id, **kwargs)

    async def on_llm_new_token(
        self,
        token: str | list[str | dict[str, Any]],
        *,
        chunk: GenerationChunk | ChatGenerationChunk | None = None,
        run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        if self._is_led:
            await super().on_llm_new_token(token, chunk=chunk, run_id=run_id, **kwargs)
        elif run_id:
            self.runs.on_llm_new_token(token, chunk=chunk, run_id=run_id)
        await self._wait()

    async def on_llm_end(
        self, response: LLMResult, *, run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        if self._is_led:
            await super().on_llm_end(response, run_id=run_id, **kwargs)
        elif run_id:
            self.runs.on_llm_end(response, run_id=run_id)

    async def on_llm_error(
        self, error: BaseException, *, run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        if self._is_led:
            await super().on_llm_error(error, run_id=run_id, **kwargs)
        elif run_id:
            self.runs.on_llm_error(error, run_id=run_id)

    async def on_tool_start(
        self, serialized: dict[str, Any] | None, input_str: str, *, run_id: UUID, **kwargs: Any
    ) -> None:
        self.runs.on_tool_start(serialized, input_str, run_id=run_id, **kwargs)

    async def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.runs.on_tool_end(output, run_id=run_id)

    async def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.runs.on_tool_error(error, run_id=run_id)

    def begin_message(self, decoder: ChunkDecoder, watchdog: Watchdog | None = None) -> None:
        self._is_led = True
        super().begin_message(decoder, watchdog)

    async def put(self, event: Event) -> None:
        await super().put(event)
        if not isinstance(event, TurnStarted):
            self._pass_on(event)

    def _emit(self, event: Event) -> None:
        self.queue.put_nowait(event)
        self._pass_on(event)


def _read_answer(returned: object, shown: str) -> tuple[str, tuple[str, ...]]:
    """Return the answer, which may only have been shown, and the tools that it names."""
    if not isinstance(returned, dict):
        return (shown if returned is None else to_text(returned)) or shown, ()
    texts = [returned[key] for key in _ANSWERS if key in returned]
    text = next((each for each in texts if isinstance(each, str | AIMessage)), "")
    return to_text(text) or shown or to_text(returned), list_names(returned.get("tools_used", ()))
