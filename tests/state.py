"""Prints the initial state of a process: `python -m tests.state [ARGUMENT]...`.

Omits what importing the libraries changes anyway: `sys.modules`, warning filters, loggers.
"""

from __future__ import annotations

import gc
import io
import json
import locale
import os
import resource
import signal
import sys
import threading
from typing import Any


def describe_stream(stream: Any) -> dict[str, Any]:
    assert isinstance(stream, io.TextIOWrapper)
    names = ("name", "mode", "encoding", "errors", "newlines", "line_buffering", "write_through")
    kept = {name: getattr(stream, name) for name in names}
    raw = stream.buffer.raw
    buffer = (type(stream.buffer).__name__, raw.name, raw.mode, raw.fileno(), raw.closefd)
    return kept | {"buffer": buffer, "isatty": stream.isatty()}


def has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def main() -> None:
    umask = os.umask(0)
    os.umask(umask)
    streams = (sys.stdin, sys.stdout, sys.stderr)
    state = {
        "argv": sys.argv,
        "executable": sys.executable,
        "path": sys.path,
        "flags": list(sys.flags),
        "main": [vars(sys.modules["__main__"]).get(n) for n in ("__name__", "__package__")],
        "environment": dict(os.environ),
        "directory": os.getcwd(),  # noqa: PTH109
        "umask": umask,
        "streams": [describe_stream(stream) for stream in streams],
        "originals": streams == (sys.__stdin__, sys.__stdout__, sys.__stderr__),
        "signals": {n: str(signal.getsignal(n)).split(" at ")[0] for n in signal.valid_signals()},
        "mask": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "wakeup": signal.set_wakeup_fd(-1),
        "descriptors": [fd for fd in range(256) if os.path.exists(f"/dev/fd/{fd}")],  # noqa: PTH110
        "leads": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()],
        "terminal": has_terminal(),
        "limits": [resource.getrlimit(n) for n in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)],
        "nice": os.nice(0),
        "threads": [thread.name for thread in threading.enumerate()],
        "collects": gc.isenabled(),
        "thresholds": gc.get_threshold(),
        "locale": [locale.setlocale(each) for each in (locale.LC_CTYPE, locale.LC_NUMERIC)],
        "recursion": sys.getrecursionlimit(),
        "hook": sys.excepthook is sys.__excepthook__,
    }
    print(json.dumps(state))


if __name__ == "__main__":
    main()
