"""Signals while a library keeps the interpreter's lock, so that no Python code can run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.program import HANGS, Process, Terminal
from tests.screen import at_prompt
from tests.test_signals import assert_ends, get_settings, read_until

FATAL = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
WAITING = 2

# A mutex of the C library, in a file that the test can read. No signal breaks off the wait for it.
KEEP_THE_LOCK = """
import ctypes, mmap, os

def keep_the_lock():
    file = mmap.mmap(os.open(os.environ['MUTEX'], os.O_RDWR), 64)
    mutex = ctypes.byref(ctypes.c_char.from_buffer(file))
    for _ in range(2):
        ctypes.PyDLL(None).pthread_mutex_lock(mutex)
"""
WATCHED = """
import os, signal, sys, threading, time
from streamchat.process.deadline import spare, watch_signals
from streamchat.process.guard import guard_signals
from streamchat.process.signals import install_exit_handlers

watch_signals()
install_exit_handlers()
"""
GUARDED = f"""
{KEEP_THE_LOCK}
{WATCHED}
def work():
    with guard_signals():
        keep_the_lock()
"""
LOCKED = f"{GUARDED}\nwork()"
LOCKED_BY_A_THREAD = f"{GUARDED}\nthreading.Thread(target=work).start()"


@pytest.fixture
def mutex(tmp_path: Path) -> Path:
    file = tmp_path / "mutex"
    file.write_bytes(bytes(64))
    return file


def wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + HANGS
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_locked(mutex: Path) -> bool:
    """Whether the program waits for the mutex, and so keeps the interpreter's lock."""
    return mutex.read_bytes()[0] == WAITING


def start(code: str, mutex: Path = Path()) -> Process:
    variables = {**os.environ, "MUTEX": str(mutex)}
    return Process(("-c", code), [], variables, fresh=True)


@pytest.fixture
def locked(mutex: Path) -> Iterator[Process]:
    """A program whose main thread keeps the lock."""
    with start(LOCKED, mutex) as process:
        wait_until(lambda: is_locked(mutex))
        yield process
        process.kill()


def find_guard(process: Process) -> int:
    (children,) = Path(f"/proc/{process.pid}/task").glob(f"{process.pid}/children")
    return int(children.read_text())


@pytest.mark.parametrize("number", FATAL)
@pytest.mark.parametrize("code", [LOCKED, LOCKED_BY_A_THREAD])
def test_a_signal_ends_a_locked_program(mutex: Path, code: str, number: signal.Signals) -> None:
    with start(code, mutex) as process:
        wait_until(lambda: is_locked(mutex))
        process.send_signal(number)
        assert process.communicate() == (b"", b"")
    assert process.returncode == -number


def test_a_program_is_killed_where_the_signal_does_not_end_it(mutex: Path) -> None:
    # As on macOS.
    code = f"{WATCHED}\nimport ctypes\nctypes.CDLL = lambda name: None\n{LOCKED}"
    with start(code, mutex) as process:
        wait_until(lambda: is_locked(mutex))
        process.send_signal(signal.SIGTERM)
        assert process.communicate() == (b"", b"")
    assert process.returncode == -signal.SIGKILL


def test_a_signal_that_the_program_survives_does_not_end_it(mutex: Path) -> None:
    code = f"{GUARDED}\nspare(signal.SIGINT, lambda seconds: True)\nwork()"
    with start(code, mutex) as process:
        wait_until(lambda: is_locked(mutex))
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.communicate() == (b"", b"")
    assert process.returncode == -signal.SIGTERM


UNLOCKED = f"""
{WATCHED}
with guard_signals():
    print('ready', flush=True)
    while True: time.sleep(0.01)
"""


@pytest.mark.parametrize("number", FATAL)
def test_a_program_that_can_handle_the_signal_does(number: signal.Signals) -> None:
    with start(UNLOCKED) as process:
        read_until(process.stdout, b"ready\n")
        process.send_signal(number)
        assert process.communicate() == (b"", b"")
    assert process.returncode == 128 + number


AFTERWARDS = f"""
{WATCHED}
received = []
signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
with guard_signals():
    os.kill(os.getpid(), signal.SIGTERM)
for _ in range(2):
    os.kill(os.getpid(), signal.SIGTERM)
try:
    os.wait()
except ChildProcessError:
    print(len(received), 'signals, no child', flush=True)
os._exit(0)
"""


def test_signals_are_handled_as_before_afterwards() -> None:
    with start(AFTERWARDS) as process:
        assert process.communicate() == (b"3 signals, no child\n", b"")


@pytest.mark.parametrize(
    "before", ["", f"{WATCHED}\nsys.executable = '/missing'"], ids=["unwatched", "no interpreter"]
)
def test_the_work_is_done_without_a_guard_if_need_be(before: str) -> None:
    code = f"from streamchat.process.guard import guard_signals\n{before}\n"
    with start(f"{code}\nwith guard_signals(): print('done')") as process:
        assert process.communicate() == (b"done\n", b"")


def test_the_guard_ends_with_a_program_that_is_killed(locked: Process) -> None:
    guard = find_guard(locked)
    locked.kill()
    locked.communicate()
    wait_until(lambda: not Path(f"/proc/{guard}").exists())


@pytest.mark.parametrize("number", FATAL)
def test_the_guard_outlives_a_signal_to_every_process(
    locked: Process, number: signal.Signals
) -> None:
    for pid in (find_guard(locked), locked.pid):
        os.kill(pid, number)
    assert locked.communicate() == (b"", b"")
    assert locked.returncode == -number


def test_the_guard_belongs_to_no_job_of_the_terminal(locked: Process) -> None:
    guard = find_guard(locked)
    wait_until(lambda: os.getpgid(guard) == guard)


def test_nobody_waits_for_the_guard_to_close_the_output(mutex: Path) -> None:
    with start(
        f"{GUARDED}\nwith guard_signals():\n  os.close(1)\n  keep_the_lock()", mutex
    ) as process:
        assert process.stdout
        assert process.stdout.read() == b""
        wait_until(lambda: is_locked(mutex))
        assert find_guard(process)
        process.kill()


# In place of the library that loads a model.
LIBRARY = f"""
from types import SimpleNamespace
{KEEP_THE_LOCK}
def CommonParams():
    return SimpleNamespace(
        model=SimpleNamespace(),
        cpuparams=SimpleNamespace(),
        cpuparams_batch=SimpleNamespace(),
        sampling=SimpleNamespace(),
    )

def Server(parameters):
    keep_the_lock()
"""


@pytest.fixture
def loading(mutex: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a program whose model never ends to load."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "xllamacpp.py").write_text(LIBRARY)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    return {
        "MUTEX": str(mutex),
        "PYTHONPATH": str(tmp_path / "library"),
        "STREAMCHAT_MODEL": str(tmp_path / "model.gguf"),
    }


@pytest.mark.parametrize(
    ("command", "number"),
    [
        *[("ask", number) for number in FATAL],
        ("doctor", signal.SIGTERM),
        ("repl", signal.SIGTERM),
        ("repl", signal.SIGHUP),
    ],
)
def test_a_signal_while_the_model_loads_restores_the_terminal(
    mutex: Path, loading: dict[str, str], tmp_path: Path, command: str, number: signal.Signals
) -> None:
    question = ("hi",) if command == "ask" else ()
    with Terminal(tmp_path, command, *question, fresh=True, **loading) as terminal:
        before = get_settings(terminal)
        if command == "repl":
            terminal.wait_for(at_prompt)
        terminal.wait_for(lambda _: is_locked(mutex))
        assert get_settings(terminal) != before
        os.kill(terminal.process.pid, number)
        assert_ends(terminal, before, -number)


def test_a_second_ctrl_c_ends_the_program_at_once(
    mutex: Path, loading: dict[str, str], tmp_path: Path
) -> None:
    with Terminal(tmp_path, "ask", "hi", fresh=True, **loading) as terminal:
        before = get_settings(terminal)
        terminal.wait_for(lambda _: is_locked(mutex))
        terminal.type("\x03")
        terminal.wait_for(lambda _: get_settings(terminal) == before)
        terminal.type("\x03")
        assert_ends(terminal, before, -signal.SIGINT)


def test_the_chat_outlives_an_interrupt_while_the_model_loads(
    mutex: Path, loading: dict[str, str], tmp_path: Path
) -> None:
    with Terminal(tmp_path, "repl", fresh=True, **loading) as terminal:
        before = get_settings(terminal)
        terminal.wait_for(lambda _: is_locked(mutex))
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(terminal.process.pid, number)
        assert_ends(terminal, before, -signal.SIGTERM)
