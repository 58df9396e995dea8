"""The agent loop: ask the model, run the tools it calls, and repeat until it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool

from streamchat.agent.approving import Approve, Approver
from streamchat.agent.cancellation import CancellationGuard
from streamchat.agent.continuing import (
    Continuation,
    keep_fields,
    make_client_tools,
    to_reply,
    to_results,
)
from streamchat.agent.control import TurnControl
from streamchat.agent.errors import AgentError
from streamchat.agent.interrupted import mark_interrupted
from streamchat.agent.model_call import ModelClient
from streamchat.agent.prompt import Prompt, to_messages
from streamchat.agent.scratchpad import Result, build_scratchpad
from streamchat.agent.source import ClientTool
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.agent.tool_runner import RunTool, ToolRunner
from streamchat.agent.tracing import tracing
from streamchat.config.sources import load_settings
from streamchat.events import (
    ANSWER_TOOL,
    LastEvent,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.models import open_model
from streamchat.models.progress import Progress, ignore_progress
from streamchat.process.blocking import BlockingRunner
from streamchat.text.redact import Redactor
from streamchat.tools import TOOLS, final_answer, run_tool


class AgentExecutor:
    """Answers questions with a model that may use tools, and remembers the conversation.

    Args:
        llm: any LangChain chat model; by default the one that the settings name.
        tools: LangChain tools; `final_answer` is added if it is missing. None for the arithmetic
            tools, an empty list for a chat without tools.
        max_steps: the maximum number of messages that the model may write for one question.
        timeout: seconds without progress before a turn fails.
        system_prompt: replaces the built-in one.
        trace: whether to trace runs in LangSmith, configured by its own environment variables.
        redactor: redacts secrets from the events; it learns the model's key.
        tool_timeout: seconds that a tool may take; by default as many as `timeout`.
        run_tool: runs a tool; by default, a synchronous one runs in a thread.
        approve: decides whether a call runs; by default, all do.

    Attributes:
        chat_history: a HumanMessage and an AIMessage for each question that was answered.
        instructions: added to the system prompt, unless a turn brings its own.

    Raises:
        SettingsError: `llm` is None and a setting is invalid.
        ModelError: `llm` is None and the configured model is not available.
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
        tool_timeout: float | None = None,
        run_tool: RunTool = run_tool,
        approve: Approve | None = None,
    ) -> None:
        self.tools = _complete(TOOLS if tools is None else tools)
        self.max_steps = max_steps
        self.timeout = timeout
        self.tool_timeout = tool_timeout or timeout
        self.trace = trace
        self.chat_history: list[BaseMessage] = []
        self.instructions = ""
        self._system_prompt = system_prompt
        self._approve = approve
        self._redactor = redactor or Redactor()
        self._model = self._connect(llm or open_model(load_settings()))
        self._run_tool = run_tool
        self._tool_runner = ToolRunner(self.tools, self.tool_timeout, self._redactor, run_tool)
        self._runner = BlockingRunner("executor")

    @property
    def model_name(self) -> str:
        """The model's name, as its server knows it, after its provider if that has a name."""
        llm = self._model.llm
        names = (getattr(llm, name, None) for name in ("display_name", "model_name"))
        return str(next(filter(None, names), type(llm).__name__))

    @property
    def context_tokens(self) -> int | None:
        """How many tokens the model's context has; None unless its server has told."""
        return getattr(self._model.llm, "context_tokens", None)

    async def list_models(self) -> list[str]:
        """Return the names of the server's models; none if there is no server."""
        return await self._model.list_models()

    def redact(self, text: str) -> str:
        """Return the text with secrets redacted, as the events have it."""
        return self._redactor.redact(text)

    def use(self, llm: BaseChatModel) -> None:
        """Switch to another model and keep the history."""
        self._model = self._connect(llm)

    def use_tools(self, tools: Sequence[BaseTool], run_tool: RunTool = run_tool) -> None:
        """Switch to other tools, and to another way to run them; arguments as for the class."""
        self.tools, self._run_tool = _complete(tools), run_tool
        self._tool_runner = ToolRunner(self.tools, self.tool_timeout, self._redactor, run_tool)
        self.use(self._model.llm)

    async def prepare(self, progress: Progress = ignore_progress) -> None:
        """Do work ahead of the first question that would delay its answer. Optional."""
        if self.tools:
            await self._model.prime(self._build_prompt(""), progress)

    async def aclose(self) -> None:
        """Close the model's connections. The agent cannot be used afterwards."""
        if close := getattr(self._model.llm, "aclose", None):
            await close()

    def close(self) -> None:
        """Close the model's connections, for programs that call `run`.

        Raises:
            RuntimeError: as from `run`.
        """
        self._runner.close("close", "await executor.aclose()", self.aclose)

    def invoke(
        self,
        input: str,
        streamer: QueueCallbackHandler | None = None,
        verbose: bool = False,
        *,
        history: Iterable[tuple[str, str]] | None = None,
        instructions: str | None = None,
        control: TurnControl | None = None,
        continuation: Continuation | None = None,
    ) -> Coroutine[Any, Any, dict[str, Any]]:
        """Answer a question and return `{"answer": str, "tools_used": list of str}`.

        Args:
            input: the question.
            streamer: receives the events. The last one always arrives, even if the turn is
                cancelled before it starts.
            verbose: whether to print every chunk's content, tool_calls, tool_name and arg.
            history: earlier questions and answers to send instead of `chat_history`, which is
                then left as it is.
            instructions: used for this turn instead of the executor's.
            control: decides about the calls of this turn instead of `approve`.
            continuation: for a turn that is spread over several requests; needs `history`.

        Raises:
            AgentError: the turn ended without an answer.
        """
        streamer = streamer or QueueCallbackHandler()
        streamer.verbose = verbose
        control = control or TurnControl(Approver(approve=self._approve))
        if history is None:
            turn = self._answer_and_remember(input, streamer, instructions, control)
        else:
            prompt = self._build_prompt(input, to_messages(history), instructions)
            turn = self._answer(prompt, streamer, control, continuation)
        return CancellationGuard(turn, partial(streamer.close, TurnCancelled()))

    def run(self, input: str) -> dict[str, Any]:
        """Answer a question as `invoke` does, for programs without an event loop.

        All calls share one loop: an OpenAI client is tied to the loop it was first used on.

        Raises:
            AgentError: the turn ended without an answer.
            RuntimeError: an event loop is running, and `invoke` must be awaited instead; or another
                thread is using the executor. Nothing is asked.
        """
        work = partial(self.invoke, input)
        return self._runner.run("run", "await executor.invoke(...)", work)

    def _connect(self, llm: BaseChatModel) -> ModelClient:
        self._redactor.learn(*getattr(llm, "secrets", ()))
        return ModelClient(llm, self.tools, self.timeout, self._redactor)

    def _build_prompt(
        self, input: str, history: Sequence[BaseMessage] = (), instructions: str | None = None
    ) -> Prompt:
        if instructions is None:
            instructions = self.instructions
        return Prompt(input, history, instructions, self._system_prompt)

    async def _answer_and_remember(
        self,
        input: str,
        streamer: QueueCallbackHandler,
        instructions: str | None,
        control: TurnControl,
    ) -> dict[str, Any]:
        prompt = self._build_prompt(input, self.chat_history, instructions)
        answer = ""
        try:
            result = await self._answer(prompt, streamer, control)
            answer = result["answer"]
        except asyncio.CancelledError:
            answer = mark_interrupted(streamer.answer_so_far)
            raise
        finally:
            if answer:
                self.chat_history += to_messages([(input, answer)])
        return result

    async def _answer(
        self,
        prompt: Prompt,
        streamer: QueueCallbackHandler,
        control: TurnControl,
        continuation: Continuation | None = None,
    ) -> dict[str, Any]:
        """Run a turn from its first event to its last."""
        started = perf_counter()
        end: LastEvent | None = None
        try:
            streamer.redact_with(self._redactor)
            await streamer.put(TurnStarted(prompt.question, self.model_name))
            with tracing(self.trace):
                done = await self._run_steps(
                    prompt, streamer, control, continuation or Continuation()
                )
            answer = self._redactor.redact(done.answer)
            end = TurnDone(answer, done.tools_used, perf_counter() - started)
        except Exception as error:
            text = self._redactor.redact(await self._model.describe(error))
            end = TurnFailed(text, perf_counter() - started)
            raise AgentError(text) from self._model.omit_if_secret(error)
        finally:
            streamer.close(end or TurnCancelled(perf_counter() - started))
        return {"answer": end.answer, "tools_used": list(end.tools_used)}

    async def _run_steps(
        self,
        prompt: Prompt,
        streamer: QueueCallbackHandler,
        control: TurnControl,
        continuation: Continuation,
    ) -> TurnDone:
        continuation.check()
        model, runner = self._equip(continuation.tools)
        steps = continuation.steps
        taken_ids = {call.call_id for step in steps for call in step.calls}
        used: dict[str, None] = {}  # an ordered set
        for step in range(1, self.max_steps + 1):
            known: dict[str, Result] = {}
            if step <= len(steps):
                reply, known = to_reply(steps[step - 1]), to_results(steps[step - 1])
            else:
                reply = await model.request_reply(step, prompt, taken_ids, streamer, control)
            if not reply.calls:
                return TurnDone(reply.text, tuple(used))
            control.kept |= keep_fields(reply)
            outcomes = await runner.run_calls(reply.calls, streamer, control, known)
            for call, result in outcomes:
                if not (result.failed or result.answer):
                    used[call.name] = None
            if answer := next((result.answer for _, result in outcomes if result.answer), None):
                # Small models forget to name the tools they used.
                return replace(answer, tools_used=answer.tools_used or tuple(used))
            prompt.scratchpad.extend(build_scratchpad(reply, outcomes))
        raise AgentError(f"no answer after {self.max_steps} steps (--max-steps)")

    def _equip(self, tools: Sequence[ClientTool]) -> tuple[ModelClient, ToolRunner]:
        """Return the model and its tools for a turn in which a client adds some."""
        if not tools:
            return self._model, self._tool_runner
        offered = _complete([*self.tools, *make_client_tools(tools, self.tools)])
        return (
            ModelClient(self._model.llm, offered, self.timeout, self._redactor),
            ToolRunner(offered, self.tool_timeout, self._redactor, self._run_tool),
        )


def _complete(tools: Sequence[BaseTool]) -> list[BaseTool]:
    """Return the tools with the one that answers, if there are any."""
    if not tools or any(tool.name == ANSWER_TOOL for tool in tools):
        return list(tools)
    return [*tools, final_answer]
