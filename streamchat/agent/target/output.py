"""What an agent or tools print and log, as events instead of text across the screen.

The program itself writes in the main thread and in threads that have its name, and the user's code
runs in others; so the thread tells whose text it is. What a library or a child process writes past
`sys.stdout` is not seen. Standard input is the program's alone.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, TextIO, TypeAlias, cast

from streamchat.events import OutputReceived
from streamchat.process.threads import THREAD_NAME

_MOST_KEPT = 1000
_LONGEST = 10_000
"""Characters after which a line ends that has not."""
_STYLES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Colors, cursor movements and titles: the views do their own."""
_NO_INPUT = (
    "the keyboard belongs to the prompt, so input() gets nothing; "
    "an agent can ask with LangGraph's interrupt(), and a tool can take an argument"
)

_Key: TypeAlias = "tuple[int, str, Sink | None]"
"""Thread, origin, and the sink of its context."""
Sink = Callable[[OutputReceived], bool]
"""Takes a line; returns False if it cannot, because the turn is over."""
_own: ContextVar[Sink | None] = ContextVar("sink", default=None)
"""Takes what is written in this context, whichever turn is attached."""


def make_context(sink: Sink) -> Context:
    """Return a copy of the current context for the code of a turn, which has the lines alone."""
    context = copy_context()
    context.run(_own.set, sink)
    return context


class OutputRelay:
    """Collects what the threads of the agent's code print or log, in whole lines.

    A running turn gets the lines. Otherwise they are kept. Where several turns run at once, each
    has a context of its own; what is written outside of them is kept.

    Attributes:
        on_line: called in any thread when a line was kept.
    """

    def __init__(self) -> None:
        self.on_line: Callable[[], None] = lambda: None
        self._sink: Sink = lambda line: False
        self._kept: deque[OutputReceived] = deque(maxlen=_MOST_KEPT)
        self._left_out = 0
        """How many lines were more than are kept."""
        self._partial: dict[_Key, str] = {}
        self._lock = threading.RLock()
        self._taken_over: set[int] = set()
        self._stopping: dict[int, Callable[[], bool]] = {}

    @contextmanager
    def take_over(self) -> Iterator[None]:
        """Collect what the current thread writes in this context, whichever thread it is."""
        ident = threading.get_ident()
        self._taken_over.add(ident)
        try:
            yield
        finally:
            self.flush(ident)
            self._taken_over.discard(ident)

    @contextmanager
    def end_thread_when(self, is_stopped: Callable[[], bool]) -> Iterator[None]:
        """Let what the current thread writes in this context end it once this is true."""
        ident = threading.get_ident()
        self._stopping[ident] = is_stopped
        try:
            yield
        finally:
            del self._stopping[ident]

    @property
    def is_responsible(self) -> bool:
        """Whether the current thread runs the agent's code."""
        if threading.get_ident() in self._taken_over:
            return True
        thread = threading.current_thread()
        return thread is not threading.main_thread() and thread.name != THREAD_NAME

    def attach(self, sink: Sink) -> None:
        """Let a turn have the lines that were kept, and those to come."""
        with self._lock:
            self._sink = sink
            for line in self.take_lines():
                self._emit(line, sink)

    def take_lines(self) -> list[OutputReceived]:
        """Return the lines that were kept, the latest ones; no turn will get them then."""
        with self._lock:
            lines, left_out = list(self._kept), self._left_out
            self._kept.clear()
            self._left_out = 0
        note = f"... {left_out:,} earlier lines left out"
        return [*([OutputReceived(note, "stderr")] if left_out else []), *lines]

    def write(self, text: str, origin: str) -> None:
        """Take text that the current thread writes.

        Raises:
            SystemExit: the thread is to end; see `end_thread_when`.
        """
        if self._stopping and self._stopping.get(threading.get_ident(), bool)():
            raise SystemExit
        with self._lock:
            key = threading.get_ident(), origin, _own.get()
            *lines, rest = (self._partial.pop(key, "") + text).split("\n")
            if len(rest) > _LONGEST:
                lines, rest = [*lines, rest], ""
            if rest:
                self._partial[key] = rest
            for line in lines:
                self._emit(_make_event(line, origin), key[2])

    def flush(self, thread: int | None = None) -> None:
        """End the lines that have not been ended: those of one thread, or all.

        In a turn's own context, only its lines are ended.
        """
        own = _own.get()
        with self._lock:
            for key in [e for e in self._partial if thread in (None, e[0]) and own in (None, e[2])]:
                self._emit(_make_event(self._partial.pop(key), key[1]), key[2])

    def _emit(self, line: OutputReceived, sink: Sink | None) -> None:
        if not (sink or self._sink)(line):
            self._left_out += len(self._kept) == _MOST_KEPT
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
        if not self.relay.is_responsible:
            return self.stream.write(text)
        self.relay.write(str(text), self._origin)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if not self.relay.is_responsible:
            self.stream.flush()

    def isatty(self) -> bool:
        return not self.relay.is_responsible and self.stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class ClosedInput:
    """Standard input: that of the main thread, and at its end in the threads of the agent's code.

    The prompt reads it, and would lose the keys that the agent's code took.
    """

    def __init__(self, stream: TextIO, relay: OutputRelay) -> None:
        self.stream = stream
        self._relay = relay

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")

    def fileno(self) -> int:
        self._check()  # input() would read the terminal past this object
        return self.stream.fileno()

    def read(self, size: int = -1) -> str:
        self._check()
        return self.stream.read(size)

    def readline(self, size: int = -1) -> str:
        self._check()
        return self.stream.readline(size)

    def readlines(self, hint: int = -1) -> list[str]:
        self._check()
        return self.stream.readlines(hint)

    def isatty(self) -> bool:
        return not self._relay.is_responsible and self.stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _check(self) -> None:
        if self._relay.is_responsible:
            raise EOFError(_NO_INPUT)


class RelayingHandler(logging.Handler):
    """Passes on log records for which the agent's code has set up no handler.

    Those of the program's own threads are left out: libraries warn about what an error message
    says better.
    """

    def __init__(self, relay: OutputRelay) -> None:
        super().__init__(logging.WARNING)
        self._relay = relay

    def emit(self, record: logging.LogRecord) -> None:
        if self._relay.is_responsible:
            self._relay.write(f"{self.format(record)}\n", "stderr")


def get_relay() -> OutputRelay:
    """Return the relay of the process; from the first call on, it takes the output of threads."""
    if isinstance(sys.stdout, RelayingStream):
        return sys.stdout.relay
    relay = OutputRelay()
    sys.stdout = cast(TextIO, RelayingStream(sys.stdout, relay, "stdout"))
    sys.stderr = cast(TextIO, RelayingStream(sys.stderr, relay, "stderr"))
    sys.stdin = cast(TextIO, ClosedInput(sys.stdin, relay))
    root = logging.getLogger()
    # With any handler here, logging.basicConfig would do nothing in the agent's file.
    for handler in list(root.handlers):
        if isinstance(handler, logging.NullHandler):
            root.removeHandler(handler)
    logging.lastResort = RelayingHandler(relay)
    return relay
