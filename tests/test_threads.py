"""Daemon threads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from streamchat.process.threads import DaemonExecutor, SerialExecutor, run_in_daemon_thread


async def test_the_result_or_the_error_comes_back() -> None:
    assert await run_in_daemon_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await run_in_daemon_thread(divmod, 7, 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await run_in_daemon_thread(next, iter(()))


def test_serial_calls_keep_their_order_after_a_failure() -> None:
    calls, done = SerialExecutor(), list[int]()
    release = threading.Event()
    first = calls.submit(release.wait, 300)
    failed = calls.submit(divmod, 7, 0)
    others = [calls.submit(done.append, number) for number in range(20)]
    assert not any(each.done() for each in (failed, *others))
    release.set()
    others[-1].result(300)
    assert first.result()
    assert done == [*range(20)]
    with pytest.raises(ZeroDivisionError):
        failed.result()


def test_a_busy_executor_does_not_hold_up_the_loop() -> None:
    release = threading.Event()

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, release.wait, 600)

    started = time.monotonic()
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(DaemonExecutor())
        runner.run(main())
    assert time.monotonic() - started < 300
    release.set()


def test_a_busy_thread_does_not_hold_up_the_interpreter() -> None:
    code = (
        "import asyncio, time; from streamchat.process.threads import run_in_daemon_thread\n"
        "async def main():\n"
        "    asyncio.create_task(run_in_daemon_thread(time.sleep, 600))\n"
        "    await asyncio.sleep(0.1)\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code], timeout=300, check=True)
