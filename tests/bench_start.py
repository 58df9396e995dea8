"""What a start costs, and whether keys lag meanwhile: python -m tests.bench start [PART...]

The parts are version, prompt, mcp, ask and typing. All but the last are ratios of CPU seconds, user
and system, of whole processes: ours and a script that stands beside it take turns, so that both
halves of a pair meet the same machine, and the median of the pairs' ratios counts.

At the prompt, what counts is the CPU until the prompt takes a key: the program is on a terminal, a
key is pressed when its prompt is seen, and when that key is on the screen the CPU clock of the
process is read, with all its threads. (That is the kernel's clock of another process, in
nanoseconds: /proc/PID/stat counts ticks of 10 ms, and /proc/PID/schedstat one thread.) By then it
has begun to load LangChain, which is counted, too. Then it is killed. In the part mcp, three MCP
servers are named, and what stands beside it is the same without them.

For the lag, keys are pressed at the prompt at an even rate from the moment it is there, while
LangChain is loaded, and it is measured how long each takes to the screen.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pty
import select
import signal
import statistics
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.program import COMMAND, environment

PAIRS = 9
KEYS, RATE = 40, 10
LETTERS = b"QVWXYZ"
"""These are nowhere else on the screen, and no control sequence ends with one of them."""
PROMPT = "›".encode()
LOADED = 0.5
"""CPU seconds that show that LangChain was loaded meanwhile."""
LONGEST = 30

TYPER = "import typer"
PROMPTED = "import typer, rich.console, prompt_toolkit"
ASKED = """\
import asyncio
import sys

from langchain_openai import ChatOpenAI

async def main():
    llm = ChatOpenAI(model="m", base_url=sys.argv[1], api_key="none")
    async for chunk in llm.astream("?"):
        print(chunk.content, end="", flush=True)

asyncio.run(main())
"""


def script(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def cpu_of_whole(command: list[str], home: Path) -> float:
    """Returns the CPU seconds of a process from its start to its end."""
    pid = os.posix_spawn(
        command[0],
        command,
        environment(home),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        ],
    )
    _, status, used = os.wait4(pid, 0)
    assert status == 0, command
    return used.ru_utime + used.ru_stime


class Prompted:
    """The program at its prompt, on a terminal."""

    def __init__(self, home: Path, *arguments: str) -> None:
        # There is no server: nothing is asked of it.
        command = [*COMMAND, "--model", "m", "--base-url", "http://127.0.0.1:9/v1", *arguments]
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execve(command[0], command, environment(home))
        termios.tcsetwinsize(self._terminal, (24, 80))
        self.seen = b""
        self._see(PROMPT)

    def press(self, key: bytes) -> float:
        """Presses a key, and returns the seconds until it is on the screen."""
        self.pass_until(time.monotonic())  # what was written before is no echo
        self.seen = b""
        started = time.perf_counter()
        os.write(self._terminal, key)
        return self._see(key) - started

    def pass_until(self, end: float) -> None:
        """Takes what is written until then."""
        while select.select([self._terminal], [], [], max(0, end - time.monotonic()))[0]:
            self.seen += os.read(self._terminal, 65_536)

    @property
    def cpu(self) -> float:
        """CPU seconds of the process so far, of all its threads."""
        return time.clock_gettime((~self._pid << 3) | 2)  # as clock_getcpuclockid(3) names it

    def _see(self, what: bytes) -> float:
        while what not in self.seen:
            assert select.select([self._terminal], [], [], LONGEST)[0], self.seen
            self.seen += os.read(self._terminal, 65_536)
        return time.perf_counter()

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)


@contextmanager
def prompted(home: Path, *arguments: str) -> Iterator[Prompted]:
    """Starts the program; when its prompt is there, it goes on, and is killed in the end."""
    program = Prompted(home, *arguments)
    try:
        yield program
    finally:
        program.kill()


def cpu_to_prompt(home: Path, *arguments: str) -> float:
    with prompted(home, *arguments) as program:
        program.press(LETTERS[:1])
        return program.cpu


def compare(what: str, most: float, ours: Callable[[], float], theirs: Callable[[], float]) -> None:
    """Prints the medians of both, and the median and the range of the pairs' ratios."""
    ours(), theirs()  # the files are in memory then
    pairs = [(ours(), theirs()) for _ in range(PAIRS)]
    medians = [statistics.median(each) for each in zip(*pairs, strict=True)]
    ratios = sorted(one / other for one, other in pairs)
    ratio = statistics.median(ratios)
    print(
        f"{what:<10} {medians[0]:>7.3f} {medians[1]:>7.3f} {ratio:>6.3f}   "
        f"{ratios[0]:>6.3f} to {ratios[-1]:.3f}   "
        f"<= {most:.2f}  {'ok' if ratio <= most else 'MISSED'}",
        flush=True,
    )


def version(home: Path) -> None:
    for option in ("--version", "--help"):
        compare(
            option,
            1.3,
            lambda option=option: cpu_of_whole([*COMMAND, option], home),
            lambda: cpu_of_whole(script(TYPER), home),
        )


def prompt(home: Path) -> None:
    compare(
        "prompt", 1.4, lambda: cpu_to_prompt(home), lambda: cpu_of_whole(script(PROMPTED), home)
    )


def mcp(home: Path) -> None:
    raw = str(Path(__file__).with_name("mcp_raw.py"))
    servers = [f"--mcp={name}={sys.executable} {raw}" for name in ("one", "two", "three")]
    compare("mcp", 1.1, lambda: cpu_to_prompt(home, *servers), lambda: cpu_to_prompt(home))


def serve(pipe: Connection) -> None:
    from tests.server import Server, says

    with Server() as server:
        server.script(says("One."), forever=True)
        pipe.send(server.url)
        pipe.recv()


def ask(home: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=[theirs], daemon=True)
    server.start()
    url = ours.recv()
    command = [*COMMAND, "ask", "?", "--model", "m", "--base-url", url]
    compare(
        "ask",
        0.75,
        lambda: cpu_of_whole(command, home),
        lambda: cpu_of_whole(script(ASKED, url), home),
    )
    ours.send("end")
    server.join()


def typing(home: Path) -> None:
    """The time from each key to its echo, and what the process did meanwhile."""
    with prompted(home) as program:
        loading = b"loading" in program.seen
        before, begun = program.cpu, time.monotonic()
        waits = []
        for number, letter in zip(range(1, KEYS + 1), itertools.cycle(LETTERS), strict=False):
            waits.append(program.press(bytes([letter])) * 1000)
            program.pass_until(begun + number / RATE)
        used = program.cpu - before
    latest = waits.index(max(waits)) + 1
    assert used > LOADED, f"nothing was loaded meanwhile: {used:.2f} s of CPU"
    print(
        f"typing     ms from key to screen: median {statistics.median(waits):.1f}, "
        f"max {max(waits):.1f} (key {latest} of {KEYS})   <= 50  "
        f"{'ok' if max(waits) <= 50 else 'MISSED'}\n"
        f"           meanwhile {used:.2f} s of CPU{', the bar said loading' * loading}; "
        f"ms of each: {' '.join(f'{each:.0f}' for each in waits)}",
        flush=True,
    )


PARTS = {"version": version, "prompt": prompt, "mcp": mcp, "ask": ask, "typing": typing}


def start(parts: list[str]) -> None:
    if not set(parts) <= set(PARTS):
        sys.exit(__doc__)
    print(f"load {os.getloadavg()}; medians of {PAIRS} pairs")
    print(f"{'':<10} {'ours s':>7} {'theirs':>7} {'ratio':>6}   {'of the pairs':>15}")
    with TemporaryDirectory() as home:
        for part in parts or PARTS:
            PARTS[part](Path(home))
