"""What the agent's code prints and logs, as events instead of text across the screen.

The program itself writes in the main thread, and the agent's code runs in others; so the thread
tells whose text it is. What a library or a child process writes past `sys.stdout` is not seen.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TextIO, cast

from streamchat.events import OutputReceived

_MOST_KEPT = 1000
_LONGEST = 10_000
"""Characters after which a line ends that has not."""
_STYLES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Colors, cursor movements and titles: the views do their own."""

Sink = Callable[[OutputReceived], bool]
"""Takes a line; returns False if it cannot, because the turn is over."""


class OutputRelay:
    """Collects what threads other than the main thread print or log, in whole lines.

    A running turn gets the lines. Otherwise they are kept.

    Attributes:
        on_line: called in any thread when a line was kept.
    """

    def __init__(self) -> None:
        self.on_line: Callable[[], None] = lambda: None
        self._sink: Sink = lambda line: False
        self._kept: deque[OutputReceived] = deque(maxlen=_MOST_KEPT)
        self._partial: dict[tuple[int, str], str] = {}
        self._lock = threading.RLock()

    def attach(self, sink: Sink) -> None:
        """Let a turn have the lines that were kept, and those to come."""
        with self._lock:
            self._sink = sink
            for line in self.take_lines():
                self._emit(line)

    def take_lines(self) -> list[OutputReceived]:
        """Return the lines that were kept, which no turn will get then."""
        with self._lock:
            lines = list(self._kept)
            self._kept.clear()
            return lines

    def write(self, text: str, origin: str) -> None:
        """Take text that the current thread writes."""
        with self._lock:
            key = threading.get_ident(), origin
            *lines, rest = (self._partial.pop(key, "") + text).split("\n")
            if len(rest) > _LONGEST:
                lines, rest = [*lines, rest], ""
            if rest:
                self._partial[key] = rest
            for line in lines:
                self._emit(_make_event(line, origin))

    def flush(self) -> None:
        """End the lines that have not been ended."""
        with self._lock:
            partial, self._partial = self._partial, {}
            for (_, origin), text in partial.items():
                self._emit(_make_event(text, origin))

    def _emit(self, line: OutputReceived) -> None:
        if not self._sink(line):
            self._kept.append(line)
            self.on_line()


def _make_event(line: str, origin: str) -> OutputReceived:
    # A progress bar writes one line again and again.
    last = line.rstrip("\r").rpartition("\r")[2]
    return OutputReceived(_STYLES.sub("", last), origin)


class RelayingStream:
    """Standard output or error: that of the main thread, and a relay in all others."""

    def __init__(self, stream: TextIO, relay: OutputRelay, origin: str) -> None:
        self.stream = stream
        self.relay = relay
        self._origin = origin

    def write(self, text: str) -> int:
        if _is_main_thread():
            return self.stream.write(text)
        self.relay.write(str(text), self._origin)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if _is_main_thread():
            self.stream.flush()

    def isatty(self) -> bool:
        return _is_main_thread() and self.stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class RelayingHandler(logging.Handler):
    """Passes on log records for which the agent's code has set up no handler.

    Those of the main thread are left out: an error message says better what libraries warn about.
    """

    def __init__(self, relay: OutputRelay) -> None:
        super().__init__(logging.WARNING)
        self._relay = relay

    def emit(self, record: logging.LogRecord) -> None:
        if not _is_main_thread():
            self._relay.write(f"{self.format(record)}\n", "stderr")


def get_relay() -> OutputRelay:
    """Return the relay of the process; from the first call on, it takes the output of threads."""
    if isinstance(sys.stdout, RelayingStream):
        return sys.stdout.relay
    relay = OutputRelay()
    sys.stdout = cast(TextIO, RelayingStream(sys.stdout, relay, "stdout"))
    sys.stderr = cast(TextIO, RelayingStream(sys.stderr, relay, "stderr"))
    root = logging.getLogger()
    # With any handler here, logging.basicConfig would do nothing in the agent's file.
    for handler in list(root.handlers):
        if isinstance(handler, logging.NullHandler):
            root.removeHandler(handler)
    logging.lastResort = RelayingHandler(relay)
    return relay


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
