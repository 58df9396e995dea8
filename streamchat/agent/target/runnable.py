"""Plays a LangChain runnable: a chat model, a chain, a function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseLanguageModel
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableGenerator,
    RunnableLambda,
    RunnableSequence,
)
from langchain_core.runnables.base import RunnableBinding, RunnableBindingBase
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.runnables.history import RunnableWithMessageHistory

from streamchat.agent.errors import AgentError
from streamchat.agent.prompt import to_messages
from streamchat.agent.source import Request, ToolInfo
from streamchat.agent.target.answer_text import AnswerText
from streamchat.agent.target.brake import Brake
from streamchat.agent.target.chain_output import ChainOutput
from streamchat.agent.target.forms import find_form
from streamchat.agent.target.inputs import build_input, takes_history
from streamchat.agent.target.model_runs import ModelRuns
from streamchat.agent.target.own_memory import OwnMemory
from streamchat.agent.target.play import Emit
from streamchat.agent.target.silence import CHAIN_IS_SILENT
from streamchat.events import ANSWER_TOOL, Notice, TurnDone
from streamchat.text.surrogates import replace_surrogates

_SESSIONS = ("session_id", "thread_id", "conversation_id")
"""Names for what a message history is kept under."""


class RunnablePlay:
    """Asks a runnable, and shows what it streams.

    Args:
        runnable: takes messages, an object or a string; streams messages, text or objects.

    Raises:
        AgentError: it needs what streamchat cannot know.
    """

    wants_events = False

    def __init__(self, runnable: Runnable[Any, Any]) -> None:
        self._runnable = runnable
        self._form = find_form(runnable)
        self._history = _find_history(runnable)
        self._memory = OwnMemory("the chain's message history")
        self._session = uuid4().hex
        """What its history is kept under if the conversation has no ID."""
        self._told: set[str] = set()
        self._check_history()
        build_input(self._form, "", ())

    @property
    def name(self) -> str:
        return describe(self._runnable)

    @property
    def tools(self) -> Sequence[ToolInfo]:
        return list(find_tools(self._runnable))

    async def answer(self, request: Request, emit: Emit) -> TurnDone:
        """Answer a question.

        Raises:
            AgentError: the chain ends with a call that nothing runs, or without an answer.
            Exception: raised by the chain.
        """
        answer = AnswerText(emit)
        runs = ModelRuns(answer, holds_text=True, raw=request.raw)
        asked = self._build_input(request, emit)
        output = ChainOutput(runs, answer, asked)
        stream = self._runnable.astream(asked, self._build_config(request, runs, Brake(emit)))
        # An async generator, though declared as an iterator.
        async with aclosing(stream) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                output.take(chunk)
        text = output.finish()
        _refuse_calls(runs, output.unanswered if text.strip() else runs.calls.names_waiting)
        runs.calls.set_aside("read by the chain")
        if not text.strip():
            what = "what it yielded is empty" if output.chunks else "it yielded nothing"
            raise AgentError(f"the chain gave no answer: {what}")
        self._warn(output, runs, emit)
        return TurnDone(text, tuple(runs.calls.used))

    def _build_input(self, request: Request, emit: Emit) -> object:
        question = replace_surrogates(request.question)
        if self._history:
            self._memory.check(request.questions, request.question, emit)
            return build_input(self._form, question, ())
        pairs = [(each.question, each.answer) for each in request.history]
        if pairs and not takes_history(self._form):
            self._tell("the chain takes the question alone: earlier turns are not sent", emit)
        return build_input(self._form, question, to_messages(pairs))

    def _build_config(self, request: Request, *callbacks: BaseCallbackHandler) -> RunnableConfig:
        config: RunnableConfig = {"callbacks": list(callbacks)}
        if self._history:
            session = request.thread_id or self._session
            fields = {each.id: session for each in self._history.history_factory_config or ()}
            config["configurable"] = fields
        return config

    def _check_history(self) -> None:
        for field in (self._history and self._history.history_factory_config) or ():
            if field.id not in _SESSIONS:
                raise AgentError(
                    f"the chain's message history needs {field.id!r} in its configuration, and "
                    "streamchat knows only session_id: leave out history_factory_config, or bind "
                    "the field in get_session_history"
                )

    def _warn(self, output: ChainOutput, runs: ModelRuns, emit: Emit) -> None:
        if runs.last and runs.last.cut_off:
            emit(
                Notice(
                    f"the model's message was cut off (finish_reason: {runs.last.finish_reason})"
                )
            )
        shown = runs.streamed and len(runs.calls) > 0
        if output.chunks == 1 and not shown:
            self._tell(f"{CHAIN_IS_SILENT}{_find_reason(runs)}", emit)

    def _tell(self, text: str, emit: Emit) -> None:
        if text not in self._told:
            self._told.add(text)
            emit(Notice(text))


def describe(runnable: Runnable[Any, Any]) -> str:
    """Return what a runnable is, in a few words."""
    if _find_history(runnable):
        return "chain with a message history"
    inner = _unwrap(runnable)
    match inner:
        case RunnableSequence():
            steps = " | ".join(type(_unwrap(step)).__name__ for step in inner.steps)
            return f"chain ({steps})"
        case BaseLanguageModel():
            return f"model ({type(inner).__name__})"
        case RunnableLambda() | RunnableGenerator():
            return f"function ({inner.get_name()})"
        case _:
            return f"runnable ({type(inner).__name__})"


def find_tools(runnable: Runnable[Any, Any]) -> Iterator[ToolInfo]:
    """Yield the tools that are bound to the models of a chain."""
    if isinstance(runnable, RunnableBinding):
        for tool in runnable.kwargs.get("tools", ()):
            if isinstance(tool, dict) and isinstance(function := tool.get("function", tool), dict):
                yield _to_tool_info(function)
    if isinstance(runnable, RunnableSequence):
        for step in runnable.steps:
            yield from find_tools(step)
    elif (inner := _get_inner(runnable)) is not None:
        yield from find_tools(inner)


def _to_tool_info(function: Mapping[str, Any]) -> ToolInfo:
    schema = function.get("parameters") or function.get("input_schema") or {}
    description = str(function.get("description") or "")
    return ToolInfo(str(function.get("name")), tuple(schema.get("properties", ())), description)


def _get_inner(runnable: Runnable[Any, Any]) -> Runnable[Any, Any] | None:
    if isinstance(runnable, RunnableBindingBase):
        return runnable.bound
    return runnable.default if isinstance(runnable, DynamicRunnable) else None


def _unwrap(runnable: Runnable[Any, Any]) -> Runnable[Any, Any]:
    while (inner := _get_inner(runnable)) is not None:
        runnable = inner
    return runnable


def _find_history(runnable: Runnable[Any, Any]) -> RunnableWithMessageHistory | None:
    while not isinstance(runnable, RunnableWithMessageHistory):
        inner = _get_inner(runnable)
        if inner is None:
            return None
        runnable = inner
    return runnable


def _refuse_calls(runs: ModelRuns, names: Iterable[str]) -> None:
    if called := ", ".join(dict.fromkeys(name for name in names if name != ANSWER_TOOL)):
        runs.calls.give_up("nothing in the chain runs tools")
        raise AgentError(
            f"the model called {called}, and nothing in the chain runs tools: "
            "langchain.agents.create_agent(model, tools) makes an agent that does"
        )


def _find_reason(runs: ModelRuns) -> str:
    if not runs.asked:
        return "its answer comes in one piece; an async function with `yield` would stream"
    if runs.streamed:
        return "its model streams, but a step after it waits for the whole message"
    return "its model was asked with `invoke`, or has streaming switched off"
