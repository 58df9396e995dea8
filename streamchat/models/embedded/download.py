"""Downloads in processes of their own, watched from here."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from streamchat.models.progress import Advance

_PROGRAM = Path(__file__).with_name("download_process.py")
_TICK = 0.1
_DISK_ERRORS = {os.strerror(number): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
"""What stops a download wherever it comes from."""


class DownloadError(Exception):
    """A source has no such file, or cannot be reached; the message is a short reason."""


class Download:
    """A download in a process of its own, which ends when this context or this process does.

    Args:
        log: a file for its output.
        arguments: those of `download_process`.
        variables: added to the environment.
    """

    def __init__(self, log: Path, *arguments: str, variables: Mapping[str, str]) -> None:
        self._log = log
        with log.open("wb") as output:
            # -P: neither the current directory nor the program's own has modules for it. A process
            # group of its own keeps Ctrl-C away: it is for this process to end the other.
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-P", str(_PROGRAM), *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **variables},
                process_group=0,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    def check(self, summarize: Callable[[str], str]) -> None:
        """Check how it has ended.

        Args:
            summarize: returns the reason for a failure in a few words, for its output.

        Raises:
            DownloadError: it has failed.
            OSError: it has failed because of the disk.
        """
        if self._process.wait() == 0:
            return
        output = self.output.strip() or f"it ended with {self._process.returncode}"
        for words, number in _DISK_ERRORS.items():
            if words in output:
                raise OSError(number, words)
        raise DownloadError(summarize(output))

    def __enter__(self) -> Download:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdin
        self._process.stdin.close()
        self._log.unlink(missing_ok=True)


def follow(measure: Callable[[], int], advance: Advance, is_over: Callable[[], bool]) -> None:
    """Report the progress of a measured size until the work is over."""
    seen = over = 0
    while not over:
        over = is_over()
        now = measure()
        advance(now - seen)
        seen = now
        if not over:
            time.sleep(_TICK)


def wait_for_line(download: Download, line: str, *, after: str, seconds: float) -> bool:
    """Wait until the download writes a line, or ends; return whether it was in time.

    Args:
        download: the download.
        line: the line.
        after: another line, which it writes before.
        seconds: how long it may take from one to the other.
    """
    end: float | None = None
    while not download.is_over and line not in (written := download.output.splitlines()):
        if end is None and after in written:
            end = time.monotonic() + seconds
        if end is not None and time.monotonic() > end:
            return False
        time.sleep(_TICK)
    return True


def summarize_last_line(output: str) -> str:
    """Return the last line, without the number of an error."""
    return re.sub(r"^\[[^]]*\] ", "", output.splitlines()[-1])
