"""Runs the user's own tools, whose code must hold up neither the prompt nor the end of the program.

What a tool prints is output, not its result. So is what a generator yields, except that what it
yields last is the result if it returns nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from contextvars import copy_context
from typing import Any, TypeVar

from langchain_core.tools import BaseTool

from streamchat.agent.target.output import OutputRelay
from streamchat.agent.target.worker import get_thread
from streamchat.process.threads import DaemonExecutor, run_in_daemon_thread
from streamchat.tools import to_text
from streamchat.tools.calls import is_async

_T = TypeVar("_T")
_EXECUTOR = DaemonExecutor("tool")


async def run_own_tool(tool: BaseTool, arguments: dict[str, Any], relay: OutputRelay) -> str:
    """Run the tool and return its result as the model reads it.

    A synchronous tool runs in a thread of its own, and an asynchronous one in the thread of the
    user's asynchronous code. If the call is cancelled, a synchronous one ends as soon as it prints
    or yields; until then it is left behind.
    """
    if is_async(tool):
        return to_text(await _run_in_loop(lambda: _finish(tool.ainvoke(arguments), relay)))
    stopped = threading.Event()

    def work() -> Any:
        with relay.end_thread_when(stopped.is_set):
            try:
                return _drain(tool.invoke(arguments), relay)
            finally:
                relay.flush(threading.get_ident())

    try:
        value = await _run_in_thread(work)
    finally:
        stopped.set()
    if inspect.isasyncgen(value):
        return to_text(await _run_in_loop(lambda: _finish(_drain_async(value, relay), relay)))
    if inspect.isawaitable(value):  # a decorator hid that the function is asynchronous
        return to_text(await _run_in_loop(lambda: _finish(value, relay)))
    return to_text(value)


def _drain(value: Any, relay: OutputRelay) -> Any:
    """Return the value, or what a generator returns; see above."""
    if not inspect.isgenerator(value):
        return value
    latest = None
    while True:
        try:
            latest = next(value)
        except StopIteration as end:
            return latest if end.value is None else end.value
        relay.write(f"{to_text(latest)}\n", "stdout")


async def _drain_async(values: AsyncGenerator[Any, Any], relay: OutputRelay) -> Any:
    latest = None
    async with aclosing(values):
        async for latest in values:
            relay.write(f"{to_text(latest)}\n", "stdout")
    return latest


async def _finish(work: Awaitable[_T], relay: OutputRelay) -> _T:
    try:
        return await work
    except (KeyboardInterrupt, SystemExit) as error:
        # asyncio would pass it on, and it would end the program.
        raise RuntimeError(repr(error)) from error
    finally:
        relay.flush(threading.get_ident())


async def _run_in_thread(work: Callable[[], _T]) -> _T:
    return await asyncio.wrap_future(_EXECUTOR.submit(copy_context().run, work))


async def _run_in_loop(begin: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    # To look whether its loop is free takes a moment if it is not.
    thread = await run_in_daemon_thread(get_thread)
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(begin(), thread.loop))
