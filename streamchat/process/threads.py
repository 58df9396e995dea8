"""Threads that nobody waits for, so that nothing stuck in one can hang the program."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class DaemonExecutor(ThreadPoolExecutor):
    """Runs each call in a daemon thread of its own.

    The usual executor is joined when its event loop ends, and once more when the interpreter does:
    the look-up of a name that takes a minute would take it after Ctrl-C, too.
    """

    def submit(self, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Starts the thread at once."""
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()  # from now on a cancel leaves it alone

        def run() -> None:
            try:
                result = work(*args, **kwargs)
            except (StopIteration, asyncio.CancelledError, KeyboardInterrupt, SystemExit) as error:
                # An asyncio future cannot hold the first, and the others would end the program.
                future.set_exception(RuntimeError(repr(error)))
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=run, daemon=True, name="streamchat").start()
        return future


_EXECUTOR = DaemonExecutor()


async def run_in_daemon_thread(work: Callable[..., _T], *args: Any) -> _T:
    """Returns what `work` returns, which runs beside the event loop; a cancel does not end it."""
    context = contextvars.copy_context()
    return await asyncio.wrap_future(_EXECUTOR.submit(context.run, work, *args))


class OneByOne:
    """Runs calls beside the event loop, in the order they are given, never two at once."""

    def __init__(self) -> None:
        self._last: Future[Any] | None = None

    def submit(self, work: Callable[..., _T], *args: Any) -> Future[_T]:
        """Returns at once; the future tells how the call ended."""
        before = self._last

        def run() -> _T:
            if before:
                wait([before])
            return work(*args)

        self._last = future = _EXECUTOR.submit(run)
        return future
