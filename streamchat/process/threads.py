"""Daemon threads for blocking calls, so that a stuck one cannot keep the program from ending."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


THREAD_NAME = "streamchat"
"""The name of threads that run the program's own code."""


class DaemonExecutor(ThreadPoolExecutor):
    """Runs each call in a daemon thread of its own.

    The standard executor is joined when its event loop closes and again when the interpreter
    exits: a DNS lookup that takes a minute would hold up Ctrl-C for as long.

    Args:
        name: of the threads.
    """

    def __init__(self, name: str = THREAD_NAME) -> None:
        super().__init__()
        self._name = name

    def submit(self, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()  # a running future cannot be cancelled

        def run() -> None:
            try:
                result = work(*args, **kwargs)
            except (StopIteration, asyncio.CancelledError, KeyboardInterrupt, SystemExit) as error:
                # An asyncio future rejects StopIteration; the others would end the program.
                future.set_exception(RuntimeError(repr(error)))
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=run, daemon=True, name=self._name).start()
        return future


_EXECUTOR = DaemonExecutor()


async def run_in_daemon_thread(work: Callable[..., _T], *args: Any) -> _T:
    """Return the result of a blocking call; cancelling the await leaves the call running."""
    context = contextvars.copy_context()
    return await asyncio.wrap_future(_EXECUTOR.submit(context.run, work, *args))


class SerialExecutor:
    """Runs calls in daemon threads, one at a time and in the order of their submission."""

    def __init__(self) -> None:
        self._last: Future[Any] | None = None

    def submit(self, work: Callable[..., _T], *args: Any) -> Future[_T]:
        before = self._last

        def run() -> _T:
            if before:
                wait([before])
            return work(*args)

        self._last = future = _EXECUTOR.submit(run)
        return future
