"""The real program, started as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect

from tests.screen import Screen

COMMAND = [sys.executable, "-m", "streamchat"]
_OURS = (
    "STREAMCHAT_",
    "OPENAI_",
    "LANGSMITH_",
    "LANGCHAIN_",
    "XDG_",
    "NO_COLOR",
    "PYTHON",
    "COLUMNS",
    "LINES",
)


def environment(home: Path, **variables: str) -> dict[str, str]:
    """The environment of a user who has set nothing, and whose files are in `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {"HOME": str(home), "TERM": "xterm-256color"} | variables


def run(
    home: Path, *arguments: str, stdin: str | bytes | None = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs the program with its output on pipes."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=data,
        capture_output=True,
        env=environment(home, **variables),
        timeout=300,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


class Terminal:
    """The program on a terminal of its own, with an emulated screen."""

    def __init__(
        self, home: Path, *arguments: str, columns: int = 80, lines: int = 24, **variables: str
    ) -> None:
        self.screen = Screen(columns, lines)
        self.written = ""
        """All that the program wrote, with its control sequences."""
        self.process = pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], *arguments],
            env=environment(home, **variables),
            dimensions=(lines, columns),
            encoding="utf-8",
            timeout=60,
        )

    @property
    def state(self) -> str:
        """The process's state as the kernel names it; T is stopped."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2][0]

    def resize(self, columns: int, lines: int) -> None:
        self.process.setwinsize(lines, columns)
        self.screen.resize(columns, lines)

    def type(self, text: str) -> None:
        self.process.send(text)

    def wait_for(self, what: str | Callable[[list[str]], bool], seconds: float = 60) -> list[str]:
        """Waits until the text is on the screen or scrolled off it; returns all lines."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read()
            lines = self.screen.everything()
            if any(what in line for line in lines) if isinstance(what, str) else what(lines):
                return lines
        raise AssertionError(f"{what!r} did not come up:\n" + "\n".join(self.screen.everything()))

    def wait_until_written(self, what: str, seconds: float = 60) -> None:
        """Waits for text that may be wiped away again before anybody looks at the screen."""
        self.wait_for(lambda _: what in self.written, seconds)

    def exit_code(self, seconds: float = 60) -> int:
        """Waits for the program to end; a signal that ended it is negative."""
        end = time.monotonic() + seconds
        while self.process.isalive():
            assert time.monotonic() < end, "\n".join(self.screen.everything())
            self._read()
        self._read()
        self.process.close()
        code: int | None = self.process.exitstatus
        return -(self.process.signalstatus or 0) if code is None else code

    def _read(self) -> None:
        try:
            text = self.process.read_nonblocking(65536, timeout=0.05)
            self.written += text
            self.screen.write(text)
        except (pexpect.TIMEOUT, pexpect.EOF):
            time.sleep(0.01)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: Any) -> None:
        self.process.close(force=True)
