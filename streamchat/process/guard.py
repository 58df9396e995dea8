"""Lets signals end the process while no Python code can run in it.

A library that keeps the interpreter's lock, as xllamacpp does while it loads a model, keeps signal
handlers and the thread of `deadline` from running, for minutes if the model is large. Another
process does not wait for the lock: `guard_process`.
"""

from __future__ import annotations

import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from streamchat.process import deadline, tty

_PROGRAM = Path(__file__).with_name("guard_process.py")
_SIGACTION_BYTES = 1024
"""More than any system's `struct sigaction` takes."""
_BLOCKED = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP),  # sent to all, as `pkill` or systemd does
    *(signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP),  # it uses the terminal in the background
)


@contextmanager
def guard_signals() -> Iterator[None]:
    """Let signals that `deadline` watches end the process in this context, whatever it does.

    If the process has not begun to handle such a signal after a moment, the terminal is restored,
    and the signal ends the process as if it had no handler. May be called in any thread.
    """
    numbers = deadline.list_fatal_signals()
    with ExitStack() as stack:
        if deadline.wakeup_pipe:
            stack.enter_context(_run_guard(numbers, *deadline.wakeup_pipe))
            stack.enter_context(_handle_once(numbers))
        yield


@contextmanager
def _run_guard(numbers: list[int], reader: int, writer: int) -> Iterator[None]:
    with ExitStack() as stack:
        settings, terminal = tty.get_settings_at_start(), -1
        if settings:
            terminal = os.dup(0)
            stack.callback(os.close, terminal)
        inherited = [reader, writer, *([terminal] if settings else [])]
        with suppress(OSError):  # such as too many processes
            guard = stack.enter_context(_start(inherited))
            stack.callback(guard.kill)
            task = (
                *(os.getpid(), numbers, deadline.GRACE, reader, writer),
                *(terminal, settings, tty.find_output(), tty.LEAVE_MODES),
            )
            assert guard.stdin
            guard.stdin.write(marshal.dumps(task))
        yield


def _start(inherited: list[int]) -> subprocess.Popen[bytes]:
    """Start the guard, which inherits the thread's blocked signals.

    Its process group keeps Ctrl-C away from it. It is in our session, to know whether we are in
    the foreground.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
    try:
        return subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-I", "-S", str(_PROGRAM)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=inherited,
            process_group=0,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _handle_once(numbers: list[int]) -> Iterator[None]:
    """Let the second signal of a kind end the process at once, and with the right status.

    The status names a signal only if it had no handler. Python cannot ask for this (SA_RESETHAND),
    and macOS's C library has no function for it: there the guard has to kill the process.
    """
    import ctypes  # takes a while, and only a local model needs it

    libc = ctypes.CDLL(None)
    with ExitStack() as stack:
        if set_once := getattr(libc, "sysv_signal", None):
            for number in numbers:
                if callable(signal.getsignal(number)):
                    before = ctypes.create_string_buffer(_SIGACTION_BYTES)
                    libc.sigaction(number, None, before)
                    # Its first member is the handler.
                    set_once(number, ctypes.c_void_p.from_buffer(before))
                    stack.callback(libc.sigaction, number, before, None)
        yield
