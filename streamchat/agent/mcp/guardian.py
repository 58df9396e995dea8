"""Runs an MCP server, and ends it and its children once nobody wants it: python guardian.py COMMAND

The server inherits the standard streams of this process and gets a process group of its own. When
the other end of standard input is closed, which also happens if the program that wants the server
is killed, the server may exit by itself, as the protocol asks. If it does not, its group gets
SIGTERM, and then SIGKILL. npx, uvx and shells run the real server as a child in the same group.

This is a program of its own, which imports only what starts at once.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

_GRACE = 1.0
"""Seconds that the server has to end, first after its input has and then after SIGTERM."""
_PERIOD = 0.02


def main() -> None:
    """Run the server, and exit as it does."""
    command = sys.argv[1:]
    signals = _collect_signals(signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP)
    try:
        server = os.posix_spawnp(
            command[0],
            command,
            os.environ,
            setpgroup=0,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores them, which is inherited
        )
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
    _let_go_of_output()
    _wait(server, signals)
    code = _end(server)
    sys.exit(code if code >= 0 else 128 - code)


def _collect_signals(*numbers: int) -> int:
    """Return a descriptor from which the numbers of signals can be read as they arrive."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return reader


def _let_go_of_output() -> None:
    """Close the output here, so that its readers see its end when the server exits."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nothing, number)


def _wait(server: int, signals: int) -> None:
    """Wait until the server has exited or nobody wants it."""
    poll = select.poll()
    poll.register(0, 0)  # the server alone reads it; this is for the end
    for each in (signals, *_open_parent()):
        poll.register(each, select.POLLIN)
    while True:
        if [each for each, _ in poll.poll()] != [signals]:
            return
        if set(os.read(signals, 64)) != {signal.SIGCHLD} or _has_exited(server):
            return


def _open_parent() -> list[int]:
    """Return a descriptor that is readable once the parent has ended, if the system has any.

    A process that the parent has forked may keep the other end of standard input open.
    """
    try:
        return [os.pidfd_open(os.getppid())]
    except (AttributeError, OSError):
        return []


def _has_exited(server: int) -> bool:
    return os.waitid(os.P_PID, server, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(server: int) -> int:
    """End the server's group, and return the server's exit code; negative for a signal."""
    status = None
    for number in (0, signal.SIGTERM, signal.SIGKILL):
        _send(server, number)
        deadline = time.monotonic() + _GRACE
        while time.monotonic() < deadline:
            status = _reap(server) if status is None else status
            if status is not None and not _send(server, 0):
                return os.waitstatus_to_exitcode(status)
            time.sleep(_PERIOD)
    return -signal.SIGKILL


def _send(group: int, number: int) -> bool:
    """Send a signal, or none if it is 0; return whether there is anybody left in the group."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS, if all that is left has ended
        return False
    return True


def _reap(server: int) -> int | None:
    """Return the server's status if it has ended."""
    pid, status = os.waitpid(server, os.WNOHANG)
    return status if pid else None


if __name__ == "__main__":
    main()
