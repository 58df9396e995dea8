"""The program, started for a test: on pipes or on a terminal, by a fork or by a real start.

Most tests run a fork of a process that has imported the program (see `forkserver`). Tests about
startup, imports and the interpreter request a real start with `fresh=True`. Either way, signals
have their default actions, whatever the test runner ignores.
"""

from __future__ import annotations

import atexit
import codecs
import json
import os
import pty
import select
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, ClassVar

from tests.screen import Screen

ROOT = str(Path(__file__).parents[1])
COMMAND = [sys.executable, "-m", "streamchat"]
MODULE = ("-m", "streamchat")
"""The program of this tree."""
SCRIPT = (str(Path(sys.executable).with_name("streamchat")),)
"""The program as it is installed."""
PIPE, DEVNULL = subprocess.PIPE, subprocess.DEVNULL
HANGS = 300
"""Seconds after which something counts as hanging, even on a busy machine."""
_OURS = (
    "STREAMCHAT_",
    "OPENAI_",
    "LANGSMITH_",
    "LANGCHAIN_",
    "XDG_",
    "NO_COLOR",
    "SSL",
    "PYTHON",
    "COLUMNS",
    "LINES",
    "HF_",
    "PIP_",
)


def wait_until(happened: Callable[[], object], seconds: float = HANGS) -> None:
    """Wait for something that another process or thread does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a user with no settings, whose home directory is `home`.

    Nothing is downloaded unless the variables say where from.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith(_OURS) or name.lower().endswith("_proxy"))
    }
    offline = {"HF_HUB_OFFLINE": "1", "PIP_NO_INDEX": "1"}
    return kept | offline | {"HOME": str(home), "TERM": "xterm-256color"} | variables


class ForkServer:
    """Forks the program for one test process, and ends with it."""

    _all: ClassVar[dict[Sequence[str], ForkServer]] = {}
    _lock = threading.Lock()

    def __init__(self, program: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair()
        script = Path(__file__).with_name("forkserver.py")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(script), str(theirs.fileno()), *program],
                stdin=DEVNULL,
                stdout=DEVNULL,
                env=environment(Path.home()),
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(self.close)

    @classmethod
    def get(cls, program: Sequence[str]) -> ForkServer:
        with cls._lock:
            if program not in cls._all:
                cls._all[program] = cls(program)
            return cls._all[program]

    def start(self, stdio: Sequence[int], request: dict[str, Any]) -> socket.socket:
        """Start the program; return the socket that tells its process ID and its exit code."""
        report, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"."], [*stdio, theirs.fileno()])
        report.sendall(json.dumps(request).encode() + b"\n")
        return report

    def close(self) -> None:
        self._control.close()
        self._process.wait()


class Process:
    """The running program, used like a `subprocess.Popen`.

    Leaving the context waits for the program, or kills it if a test has failed.

    Args:
        program: MODULE or SCRIPT; if `fresh`, whatever an interpreter can be started with.
        arguments: of the command line.
        env: the whole environment.
        stdin: PIPE, DEVNULL or a file descriptor, as are `stdout` and `stderr`.
        fresh: whether to start an interpreter instead of forking.
        terminal: whether standard input is to be the controlling terminal.
        ignored: signals that the program is started to ignore; needs `fresh`.
    """

    def __init__(
        self,
        program: Sequence[str],
        arguments: Sequence[str],
        env: dict[str, str],
        *,
        stdin: int = DEVNULL,
        stdout: int = PIPE,
        stderr: int = PIPE,
        fresh: bool = False,
        terminal: bool = False,
        cwd: Path | None = None,
        ignored: Sequence[int] = (),
    ) -> None:
        assert fresh or not ignored, "what is ignored is found out by an import"
        self.args = [*program, *arguments]
        self.returncode: int | None = None
        """The exit code once the program has ended; a signal that ended it is negative."""
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        theirs = [
            self._open("stdin", stdin, os.O_RDONLY),
            self._open("stdout", stdout, os.O_WRONLY),
            self._open("stderr", stderr, os.O_WRONLY),
        ]
        request = {
            "program": program,
            "arguments": arguments,
            "env": env,
            "cwd": str(cwd or Path.cwd()),
            "fresh": fresh,
            "terminal": terminal,
            "ignored": ignored,
        }
        self._report = ForkServer.get(MODULE if fresh else program).start(theirs, request)
        self._received = b""
        for ours, given in zip(theirs, (stdin, stdout, stderr), strict=True):
            if given in (PIPE, DEVNULL):
                os.close(ours)
        while b"\n" not in self._received:
            self._receive(HANGS)
        self.pid = int(self._received.split(b"\n")[0])

    def _open(self, name: str, given: int, mode: int) -> int:
        """Keep our end of a stream, and return the program's."""
        if given == DEVNULL:
            return os.open(os.devnull, mode)
        if given != PIPE:
            return given
        reader, writer = os.pipe()
        ours, theirs = (writer, reader) if mode == os.O_RDONLY else (reader, writer)
        setattr(self, name, os.fdopen(ours, "wb" if mode == os.O_RDONLY else "rb"))
        return theirs

    def _receive(self, seconds: float) -> None:
        self._report.settimeout(max(seconds, 0))
        with suppress(TimeoutError, BlockingIOError):
            received = self._report.recv(100)
            assert received, "the fork server has ended"
            self._received += received
        if self._received.count(b"\n") == 2:
            self.returncode = int(self._received.split(b"\n")[1])
            self._report.close()

    def poll(self) -> int | None:
        """Return the exit code, or None while the program runs."""
        if self.returncode is None:
            self._receive(0)
        return self.returncode

    def wait(self, timeout: float = HANGS) -> int:
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self._receive(end - time.monotonic())
        assert self.returncode is not None
        return self.returncode

    def communicate(self, input: bytes = b"", timeout: float = HANGS) -> tuple[bytes, bytes]:
        """Send the input, and return all output once the program has ended."""
        end = time.monotonic() + timeout
        written: dict[Any, list[bytes]] = {self.stdout: [], self.stderr: []}
        with selectors.DefaultSelector() as selector:
            for stream in (self.stdout, self.stderr):
                if stream:
                    selector.register(stream, selectors.EVENT_READ)
            if self.stdin:
                os.set_blocking(self.stdin.fileno(), False)
                selector.register(self.stdin, selectors.EVENT_WRITE)
            while selector.get_map():
                if time.monotonic() > end:
                    raise subprocess.TimeoutExpired(self.args, timeout)
                for key, _ in selector.select(end - time.monotonic()):
                    if key.fileobj is self.stdin:
                        with suppress(BrokenPipeError):
                            input = input[os.write(key.fd, input[:4096]) :]
                            if input:
                                continue
                        selector.unregister(key.fileobj)
                        self.stdin.close()
                    elif piece := os.read(key.fd, 1 << 16):
                        written[key.fileobj].append(piece)
                    else:
                        selector.unregister(key.fileobj)
        self.wait(end - time.monotonic())
        return b"".join(written[self.stdout]), b"".join(written[self.stderr])

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if kind:
            self.kill()
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()
        self.wait()


def start(
    home: Path, *arguments: str, fresh: bool = False, options: Any = None, **variables: str
) -> Process:
    """Start the program on pipes; `options` are those of `Process`."""
    return Process(
        MODULE, arguments, environment(home, **variables), fresh=fresh, **(options or {})
    )


def run(
    home: Path,
    *arguments: str,
    stdin: str | bytes = "",
    fresh: bool = False,
    cwd: Path | None = None,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run the program with its output on pipes."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    options = {"stdin": PIPE, "cwd": cwd}
    with start(home, *arguments, fresh=fresh, options=options, **variables) as process:
        out, err = process.communicate(data)
    assert process.returncode is not None
    return subprocess.CompletedProcess(process.args, process.returncode, out.decode(), err.decode())


class Terminal:
    """The program on a terminal of its own, with an emulated screen."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        columns: int = 80,
        lines: int = 24,
        program: Sequence[str] = MODULE,
        fresh: bool = False,
        cwd: Path | None = None,
        **variables: str,
    ) -> None:
        self.screen = Screen(columns, lines)
        self.written = ""
        """Everything the program wrote, including control sequences."""
        self.fd, theirs = pty.openpty()
        """The user's side of the terminal."""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        termios.tcsetwinsize(theirs, (lines, columns))
        self.process = Process(
            program,
            arguments,
            environment(home, **variables),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            fresh=fresh,
            terminal=True,
            cwd=cwd,
        )
        os.close(theirs)

    @property
    def state(self) -> str:
        """The process state in the kernel's letters: T is stopped, Z has ended."""
        # The process may end between the two, or while its file is open.
        with suppress(FileNotFoundError, ProcessLookupError):
            if self.process.poll() is None:
                stat = Path(f"/proc/{self.process.pid}/stat").read_text()
                return stat.rpartition(") ")[2][0]
        return "Z"

    @property
    def is_raw(self) -> bool:
        """Whether keys reach the program one by one, and Enter as Enter."""
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    @property
    def takes_output(self) -> bool:
        """Whether the program can write: not after Ctrl-S, or while it waits for a reader."""
        theirs = os.open(f"/proc/{self.process.pid}/fd/1", os.O_WRONLY | os.O_NOCTTY)
        try:
            return bool(select.select([], [theirs], [], 0)[1])
        finally:
            os.close(theirs)

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def resize(self, columns: int, lines: int) -> None:
        termios.tcsetwinsize(self.fd, (lines, columns))
        self.screen.resize(columns, lines)

    def type(self, text: str) -> None:
        data = os.fsencode(text)
        while data:
            data = data[os.write(self.fd, data) :]

    def wait_for(
        self, what: str | Callable[[list[str]], bool], seconds: float = HANGS
    ) -> list[str]:
        """Wait until the text is on the screen or scrolled off it; return all lines."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.05)
            lines = self.screen.everything()
            if any(what in line for line in lines) if isinstance(what, str) else what(lines):
                return lines
        raise AssertionError(f"{what!r} did not come up:\n" + "\n".join(self.screen.everything()))

    def wait_until_written(self, what: str, seconds: float = HANGS) -> None:
        """Wait for text that may be erased before it is seen on the screen."""
        self.wait_for(lambda _: what in self.written, seconds)

    def exit_code(self, seconds: float = HANGS) -> int:
        """Wait for the program to end; a signal that ended it is negative."""
        end = time.monotonic() + seconds
        while (code := self.process.poll()) is None:
            assert time.monotonic() < end, "\n".join(self.screen.everything())
            self._read(0.05)
        while self._read(0):
            pass
        return code

    def _read(self, seconds: float) -> bool:
        """Read what is there or arrives within some seconds; return whether anything was."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.fd, selectors.EVENT_READ)
            if not selector.select(seconds):
                return False
        try:
            text = self._decoder.decode(os.read(self.fd, 1 << 16))
        except OSError:  # Linux's way to say that the other side is closed
            time.sleep(min(seconds, 0.01))
            return False
        self.written += text
        self.screen.write(text)
        return True

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: Any) -> None:
        """Hang up, as closing a terminal's window does."""
        os.close(self.fd)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
