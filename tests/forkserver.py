"""Starts the program by forking a process that has imported it already.

    python tests/forkserver.py CONTROL -m streamchat
    python tests/forkserver.py CONTROL .venv/bin/streamchat

Nearly all of a start goes into imports: a second of CPU, where a fork takes some milliseconds. The
child runs the same `main` as a real start does, in a process of its own, and `_become` gives it
what a fresh interpreter has. `test_program` compares the two. What a fork cannot show, a real start
has to (`fresh`): the imports themselves, and whatever is decided while they run.

For each start the socket CONTROL receives one byte and four descriptors: standard input, output and
error, and a socket that carries the rest. From it comes the request, one line of JSON; to it go the
process ID and, when the process has ended, its exit code.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import termios
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

DEFAULTS = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGPIPE: signal.SIG_IGN,
    signal.SIGXFSZ: signal.SIG_IGN,
}
"""How a fresh interpreter handles signals that it does not leave to the system."""
NOT_IMPORTED = ("streamchat.__main__", "streamchat.models.embedded.model")
"""The program itself, and xllamacpp, whose threads would not survive the fork."""
USED_LATER = (
    *("anyio._backends._asyncio", "httpcore2", "jiter", "langchain_core.tracers.langchain"),
    *("langchain_core.tracers.run_collector", "langchain_core.tracers.stdout"),
    *("openai.resources.chat.chat", "prompt_toolkit.input.vt100"),
    *("prompt_toolkit.key_binding.bindings.search", "socksio", "truststore", "typer._adapters"),
)
"""What libraries import at the first request or prompt: half of the time that these take.

Most are details of the libraries. Without one, a fork still works, only slower.
"""
INTERPRETER = ("PYTHON", "LANG", "LC_", "TZ")
"""How the variables begin that the interpreter itself reads when it starts."""
HARMLESS = {"HOME"}
"""Variables that an import reads (sysconfig, for a path that nobody needs) without consequence."""

_read: set[str] = set()


class _WatchedEnvironment(type(os.environ)):  # type: ignore[misc]
    def __getitem__(self, name: str) -> str:
        _read.add(name)
        value: str = super().__getitem__(name)
        return value


class Start(NamedTuple):
    """A process to be: its descriptors 0 to 2, and the socket that carries its request."""

    stdio: tuple[int, int, int]
    report: socket.socket


def main() -> None:
    """Serve until the other end of CONTROL is closed; then kill what still runs."""
    control = socket.socket(fileno=int(sys.argv[1]))
    program = sys.argv[2:]
    handle_signals_by_default()  # some imports look how they are handled
    sys.path[0] = str(Path.cwd()) if program[0] == "-m" else str(Path(program[0]).parent)
    os.environ.__class__ = _WatchedEnvironment
    _import_program()
    os.environ.__class__ = _WatchedEnvironment.__base__
    assert _count_threads() == 1, "an import has started a thread, which a fork would lose"
    gc.collect()
    gc.freeze()
    start = serve(control)
    if start:
        _run(program, start)


def handle_signals_by_default() -> None:
    """Handle signals as a fresh interpreter does, whatever the test runner was told to ignore."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, DEFAULTS.get(number, signal.SIG_DFL))
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _import_program() -> None:
    importlib.import_module("streamchat.cli.main").defer_imports()
    package = importlib.import_module("streamchat")
    for module in pkgutil.walk_packages(package.__path__, "streamchat."):
        if module.name not in NOT_IMPORTED:
            importlib.import_module(module.name)
    for name in USED_LATER:
        with suppress(ModuleNotFoundError):
            importlib.import_module(name)


def _count_threads() -> int:
    tasks = Path("/proc/self/task")  # on Linux: all threads, also those that Python has not started
    return len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()


def serve(control: socket.socket) -> Start | None:
    """Fork for each request. Returns the start in the child, None at the end in the server."""
    running: dict[int, socket.socket] = {}
    ended, wakeup = socket.socketpair()
    for each in (ended, wakeup):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakeup.fileno())
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if ended in ready:
                ended.recv(4096)
                _report(running)
            if control in ready:
                _, descriptors, _, _ = socket.recv_fds(control, 1, 4)
                if not descriptors:
                    break
                stdin, stdout, stderr, report = descriptors
                start = Start((stdin, stdout, stderr), socket.socket(fileno=report))
                pid = os.fork()
                if not pid:
                    control.detach()
                    return start
                for each in start.stdio:
                    os.close(each)
                start.report.sendall(b"%d\n" % pid)
                running[pid] = start.report
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    return None


def _report(running: dict[int, socket.socket]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with running.pop(pid) as report:
                report.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _run(program: list[str], start: Start) -> None:
    with start.report.makefile("rb") as stream:
        request = json.loads(stream.readline())
    fresh, variables = request["fresh"], request["env"]
    changed = {name for name, _ in os.environ.items() ^ variables.items()}
    _become(request, start)
    if fresh:
        command = [sys.executable, *request["program"], *request["arguments"]]
        os.execve(sys.executable, command, variables)
    decided = {name for name in changed - HARMLESS if name in _read or name.startswith(INTERPRETER)}
    assert not decided, f"this start has to be fresh, for imports depend on {decided}"
    sys.argv = [*program[program[0] == "-m" :], *request["arguments"]]
    if program[0] == "-m":
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program[0], run_name="__main__")


def _become(request: dict[str, Any], start: Start) -> None:
    """Leave nothing of the server in this process."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    handle_signals_by_default()
    if request["fresh"]:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
    for number in request["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    start.report.detach()
    for target, descriptor in enumerate(start.stdio):
        os.dup2(descriptor, target)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.stdin = sys.__stdin__ = _open_stream("<stdin>", 0, "r", sys.stdin)
    sys.stdout = sys.__stdout__ = _open_stream("<stdout>", 1, "w", sys.stdout)
    sys.stderr = sys.__stderr__ = _open_stream("<stderr>", 2, "w", sys.stderr)


def _open_stream(name: str, descriptor: int, mode: str, like: io.TextIOWrapper) -> io.TextIOWrapper:
    """Open it as CPython's create_stdio does, with the encoding that the locale asks for."""
    binary = open(descriptor, f"{mode}b", closefd=False)  # noqa: SIM115
    binary.raw.name = name
    stream = io.TextIOWrapper(
        binary,
        like.encoding,
        like.errors,
        newline="\n",
        line_buffering=binary.raw.isatty() or descriptor == 2,
    )
    stream.mode = mode
    return stream


if __name__ == "__main__":
    main()
