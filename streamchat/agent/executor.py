"""The agent: prompt, model, tools, and round again until there is an answer."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool, ToolException

from streamchat.agent.decoder import Call
from streamchat.agent.history import mark_interrupted
from streamchat.agent.model_call import AgentError, ModelStep
from streamchat.agent.prompt import Prompt, build_history
from streamchat.agent.scratchpad import Result, build_scratchpad
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.agent.tracing import tracing
from streamchat.config.sources import load_settings
from streamchat.events import (
    ANSWER_TOOL,
    LastEvent,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.models import open_model
from streamchat.models.progress import Progress, silent
from streamchat.text.partial_json import replace_surrogates
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import one_line
from streamchat.tools import (
    TOOLS,
    CallError,
    check_arguments,
    final_answer,
    list_names,
    run_tool,
)

_T = TypeVar("_T")


class _EndTold(Coroutine[Any, Any, _T]):
    """A coroutine that tells of its end even if it is cancelled before its first step.

    A task that is cancelled so early throws into a coroutine that has not begun, of which then not
    even a `finally` runs.
    """

    def __init__(self, inner: Coroutine[Any, Any, _T], tell: Callable[[], None]) -> None:
        self._inner = inner
        self._tell = tell
        self._began = False

    def send(self, value: Any) -> Any:
        self._began = True
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        if not self._began:
            self._tell()
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._inner.__await__()


class AgentExecutor:
    """Puts questions to a model that may use tools, and remembers questions and answers.

    Args:
        llm: any LangChain chat model; by default the one that environment and configuration name.
        tools: LangChain tools; `final_answer` is added if it is missing. None for the arithmetic
            ones, an empty list for a chat without tools.
        max_steps: how many messages the model may write for one question.
        timeout: seconds without progress after which a turn fails; a tool has as long to return.
        system_prompt: replaces the built-in one.
        redactor: knows what must not be shown; it learns the model's key.
        trace: whether LangSmith is told of the runs, set up by its own environment variables.

    Attributes:
        chat_history: a HumanMessage and an AIMessage for each question that was answered.
        instructions: what the system prompt ends with, unless a turn brings its own.

    Raises:
        SettingsError: `llm` is None, and a setting cannot be used.
        ModelError: `llm` is None, and the model that the settings name cannot be had.
    """

    def __init__(
        self,
        llm: BaseChatModel | None = None,
        tools: Sequence[BaseTool] | None = None,
        max_steps: int = 10,
        *,
        timeout: float = 60.0,
        system_prompt: str | None = None,
        trace: bool = False,
        redactor: Redactor | None = None,
    ) -> None:
        self.tools = list(TOOLS if tools is None else tools)
        if self.tools and not any(tool.name == ANSWER_TOOL for tool in self.tools):
            self.tools.append(final_answer)
        self.max_steps = max_steps
        self.timeout = timeout
        self.trace = trace
        self.chat_history: list[BaseMessage] = []
        self.instructions = ""
        self._system_prompt = system_prompt
        self._by_name = {tool.name: tool for tool in self.tools}
        self._redactor = redactor or Redactor()
        self._model = self._step(llm or open_model(load_settings()))
        self._runner: asyncio.Runner | None = None

    @property
    def model_name(self) -> str:
        """The model's name, as its server knows it."""
        llm = self._model.llm
        return str(getattr(llm, "model_name", None) or type(llm).__name__)

    async def model_names(self) -> list[str]:
        """Returns the names of the models that its server has; none if it has no others."""
        return await self._model.model_names()

    def use(self, llm: BaseChatModel) -> None:
        """Changes the model and keeps the history."""
        self._model = self._step(llm)

    def _step(self, llm: BaseChatModel) -> ModelStep:
        self._redactor.learn(*getattr(llm, "secrets", ()))
        return ModelStep(llm, self.tools, self.timeout, self._redactor)

    async def prepare(self, progress: Progress = silent) -> None:
        """Does what would otherwise make the first answer late. Nobody has to call this."""
        if self.tools:
            await self._model.prime(self._prompt(""), progress)

    async def aclose(self) -> None:
        """Closes the model's connections; nothing can be asked afterwards."""
        if close := getattr(self._model.llm, "aclose", None):
            await close()

    def close(self) -> None:
        """`aclose` for programs that call `run`."""
        runner, self._runner = self._runner or asyncio.Runner(), None
        with runner:
            runner.run(self.aclose())

    def invoke(
        self,
        input: str,
        streamer: QueueCallbackHandler | None = None,
        verbose: bool = False,
        *,
        history: Iterable[tuple[str, str]] | None = None,
        instructions: str | None = None,
    ) -> Coroutine[Any, Any, dict[str, Any]]:
        """Answers a question and returns `{"answer": str, "tools_used": list of str}`.

        Args:
            input: the question.
            streamer: takes the events; its last one always comes, whatever happens. Without it
                this is a plain call.
            verbose: whether to print every chunk's content, tool_calls, tool_name and arg.
            history: earlier questions and answers, sent instead of `chat_history`, which then
                stays as it is.
            instructions: used for this turn instead of the executor's.

        Raises:
            AgentError: there is no answer.
        """
        streamer = streamer or QueueCallbackHandler()
        streamer.verbose = verbose
        if history is None:
            turn = self._invoke_and_remember(input, streamer, instructions)
        else:
            prompt = self._prompt(input, build_history(history), instructions)
            turn = self._invoke(prompt, streamer)
        return _EndTold(turn, partial(streamer.close, TurnCancelled()))

    async def _invoke_and_remember(
        self, input: str, streamer: QueueCallbackHandler, instructions: str | None
    ) -> dict[str, Any]:
        answer = ""
        try:
            result = await self._invoke(
                self._prompt(input, self.chat_history, instructions), streamer
            )
            answer = result["answer"]
        except asyncio.CancelledError:
            answer = mark_interrupted(streamer.answer_so_far)
            raise
        finally:
            if answer:
                self.chat_history += build_history([(input, answer)])
        return result

    async def _invoke(self, prompt: Prompt, streamer: QueueCallbackHandler) -> dict[str, Any]:
        started = perf_counter()
        end: LastEvent | None = None
        try:
            streamer.redact_with(self._redactor)
            await streamer.put(TurnStarted(prompt.question, self.model_name))
            with tracing(self.trace):
                done = await self._turn(prompt, streamer)
            answer = self._redactor.redact(done.answer)
            end = TurnDone(answer, done.tools_used, perf_counter() - started)
        except Exception as error:
            text = self._redactor.redact(await self._model.describe(error))
            end = TurnFailed(text, perf_counter() - started)
            raise AgentError(text) from self._model.without_secrets(error)
        finally:
            streamer.close(end or TurnCancelled(perf_counter() - started))
        return {"answer": end.answer, "tools_used": list(end.tools_used)}

    def run(self, input: str) -> dict[str, Any]:
        """`invoke` for programs without an event loop.

        All calls share one loop: an OpenAI client is tied to the loop it was first used on.

        Raises:
            AgentError: there is no answer.
            RuntimeError: an event loop is running already; await `invoke` there.
        """
        if self._runner is None:
            self._runner = asyncio.Runner()
            weakref.finalize(self, self._runner.close)
        return self._runner.run(self.invoke(input))

    def _prompt(
        self, input: str, history: Sequence[BaseMessage] = (), instructions: str | None = None
    ) -> Prompt:
        if instructions is None:
            instructions = self.instructions
        return Prompt(input, history, instructions, self._system_prompt)

    async def _turn(self, prompt: Prompt, streamer: QueueCallbackHandler) -> TurnDone:
        taken_ids: set[str] = set()
        used: list[str] = []
        for step in range(1, self.max_steps + 1):
            reply = await self._model.reply(step, prompt, taken_ids, streamer)
            if not reply.calls:
                return TurnDone(reply.text, tuple(dict.fromkeys(used)))
            results = await asyncio.gather(*(self._call(call, streamer) for call in reply.calls))
            outcomes = list(zip(reply.calls, results, strict=True))
            used += [call.name for call, result in outcomes if not (result.failed or result.answer)]
            for result in results:
                if result.answer:
                    # A small model may forget to name them.
                    named = result.answer.tools_used or tuple(dict.fromkeys(used))
                    return replace(result.answer, tools_used=named)
            prompt.scratchpad.extend(build_scratchpad(reply.text, outcomes))
        raise AgentError(f"no answer after {self.max_steps} steps, the most allowed (--max-steps)")

    async def _call(self, call: Call, streamer: QueueCallbackHandler) -> Result:
        started = perf_counter()
        try:
            result = await self._run(call, streamer)
        except Exception as error:
            result = Result(_why(error), failed=True)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            result = Result(_why(error), failed=True)  # the tool's own
        await streamer.put(
            ToolFinished(call.call_id, result.output, result.failed, perf_counter() - started)
        )
        return result

    async def _run(self, call: Call, streamer: QueueCallbackHandler) -> Result:
        tool = self._by_name.get(call.name)
        if tool is None:
            names = ", ".join(self._by_name) or "none"
            name = one_line(self._redactor.redact(call.name), 80)
            raise CallError(f"there is no tool called {name!r}, there are: {names}")
        arguments = check_arguments(tool, call.arguments or "{}")
        await streamer.put(ToolStarted(call.call_id, arguments))
        if tool.name == ANSWER_TOOL:
            return _answered(call, arguments)
        try:
            async with asyncio.timeout(self.timeout) as patience:
                value = await run_tool(tool, arguments)
        except TimeoutError:
            if not patience.expired():
                raise
            raise CallError(f"no result within {self.timeout:g} s") from None
        return Result(replace_surrogates(str(value)))


def _answered(call: Call, arguments: dict[str, Any]) -> Result:
    if not call.answers:
        raise CallError("there is a final answer in this message already")
    answer = str(arguments["answer"])
    if not answer.strip():
        raise CallError("the answer is empty")
    return Result("", answer=TurnDone(answer, list_names(arguments.get("tools_used"))))


def _why(error: BaseException) -> str:
    """Returns the error as the model and the user are told it: a tool's own may be of any kind."""
    if isinstance(error, CallError):
        return str(error)
    words = replace_surrogates(str(error))
    return words if isinstance(error, ToolException) else f"{type(error).__name__}: {words}"
