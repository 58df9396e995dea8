"""Finds out what kind of agent an object is, and refuses what is none."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from langchain_core.runnables import Runnable

from streamchat.agent.errors import AgentError
from streamchat.agent.executor import AgentExecutor
from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.executor_play import ExecutorPlay
from streamchat.agent.target.play import Play

_MOST_LAYERS = 5
"""A function may return a coroutine of a context manager of an agent, but that is about all."""
_PARTS = {
    "langchain_core.BaseTool": "a tool, which an agent calls",
    "langchain_core.BasePromptTemplate": "a prompt; name prompt | model",
    "langchain_core.BaseOutputParser": "an output parser; name prompt | model | parser",
    "langchain_core.BaseRetriever": "a retriever; name a chain or an agent that uses it",
    "langgraph.StateGraph": "a StateGraph; compile it: graph.compile()",
    "langgraph.RemoteGraph": "a RemoteGraph, which runs on a server; name the graph itself",
}
"""What is no agent by itself, and what to do about it."""
_WANTED = (
    "name a LangGraph graph, a LangChain Runnable, an executor with async invoke(input, streamer), "
    "or a function that returns one"
)


def is_graph(value: object) -> bool:
    return "langgraph.Pregel" in _list_bases(value)


def is_executor(value: object) -> bool:
    """Whether it is an executor as in LangChain's notebooks, or one of streamchat's."""
    return (
        not isinstance(value, type | Runnable)
        and not inspect.ismodule(value)
        and callable(getattr(value, "invoke", None))
    )


def is_runnable(value: object) -> bool:
    """Whether it is a Runnable that can answer questions."""
    return isinstance(value, Runnable) and not _describe_part(value)


async def build(value: object, stack: AsyncExitStack) -> object:
    """Return the agent that a function returns, a coroutine, or a context manager; or the value.

    Must be called in the agent's own loop. Functions that are not async are called in a thread
    without an event loop, for they may call `asyncio.run`.

    Args:
        value: what the target names.
        stack: closes context managers.

    Raises:
        TargetError: the function needs arguments.
        Exception: raised by the user's code.
    """
    for _ in range(_MOST_LAYERS):
        if isinstance(value, Runnable | type) or is_executor(value) or _describe_part(value):
            break
        if inspect.isawaitable(value):
            value = await value
        elif hasattr(type(value), "__aenter__"):
            value = await stack.enter_async_context(value)  # type: ignore[arg-type]
        elif hasattr(type(value), "__enter__"):
            value = stack.enter_context(value)  # type: ignore[arg-type]
        elif inspect.isasyncgenfunction(value):
            value = asynccontextmanager(value)
        elif callable(value):
            call = partial(value, **_choose_arguments(value))
            is_async = inspect.iscoroutinefunction(value)
            value = call() if is_async else await asyncio.to_thread(call)
        else:
            break
    return value


def make_play(value: object, name: str) -> Play:
    """Return what answers questions with the agent.

    Args:
        value: the agent.
        name: what the user calls it, for errors.

    Raises:
        TargetError: it is no agent, or one that cannot be used; the message says what to do.
    """
    if part := _describe_part(value):
        raise TargetError(f"{name} is {part}")
    try:
        return _make_play(value, name)
    except AgentError as error:
        raise TargetError(f"{name} cannot be used: {error}") from error


def _make_play(value: object, name: str) -> Play:
    if isinstance(value, AgentExecutor):
        return ExecutorPlay(value)
    if is_graph(value):
        from streamchat.agent.target.graph import GraphPlay

        return GraphPlay(value)
    if isinstance(value, Runnable):
        from streamchat.agent.target.runnable import RunnablePlay

        return RunnablePlay(value)
    if is_executor(value):
        from streamchat.agent.target.notebook import NotebookPlay

        return NotebookPlay(value)
    if isinstance(value, type):
        raise TargetError(
            f"{name} is a class; name an instance of it, or a function that makes one"
        )
    if value is None:
        raise TargetError(f"{name} is None; if it is a function, it returns nothing")
    article = "an" if type(value).__name__[0] in "AEIOUaeiou" else "a"
    raise TargetError(f"{name} is {article} {type(value).__name__}; {_WANTED}")


def _describe_part(value: object) -> str:
    return next((_PARTS[base] for base in _list_bases(value) if base in _PARTS), "")


def _list_bases(value: object) -> list[str]:
    """Return the object's classes by library and name, without importing a library."""
    return [f"{each.__module__.partition('.')[0]}.{each.__name__}" for each in type(value).__mro__]


def _choose_arguments(function: Any) -> dict[str, Any]:
    """Return the arguments for a function; LangGraph's own server passes a config, too."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some are written in C
        return {}
    needed = [
        each.name
        for each in parameters
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    if needed == ["config"]:
        return {"config": {"configurable": {}}}
    if needed:
        named = getattr(function, "__name__", type(function).__name__)
        raise TargetError(
            f"{named} needs {', '.join(needed)}; "
            "name an agent, or a function that needs no arguments"
        )
    return {}
