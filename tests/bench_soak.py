"""What stays behind over thousands of turns: python -m tests.bench soak [chat|invoke]

`chat` plays 2,000 turns as fast as they go, each with a tool call and Markdown, on a terminal.
`invoke` answers as many questions in one process, 50 at a time. What counts is how much turn 2,000
differs from turn 200: in memory beyond what the conversation holds, in open files, and in CPU
seconds. How long it takes from the end of an answer to the prompt, and from a key to the screen, is
printed, too; both depend on what else the machine does.

What the conversation holds is worked out from the store: a `StoredTurn` with its texts for each
turn, and each question once more, for the history of the prompt.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import pty
import select
import signal
import statistics
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from streamchat.sessions.records import StoredTurn
from tests.program import COMMAND, environment

EARLY, LATE = 200, 2_000
AT_A_TIME = 50
TIMED = 20
"""The turns before a measurement whose times count."""
MOST = 1.10
LONGEST = 60
PROMPTED = b"\x1b[?2004h"
"""The prompt begins: the terminal is to mark what is pasted."""
USED = (412, 301)
ENDED = b"412 in, 301 out"
"""The line below an answer."""
KEY = b"Q"
"""It is nowhere else on the screen."""


def serve(pipe: Connection) -> None:
    from tests.server import MARKDOWN, Reply, Server, answers, calls, says

    class Forgetful(Server):
        def next_reply(self, headers: dict[str, str], request: dict[str, Any]) -> Reply:
            # Several questions are under way: the request tells which reply is due.
            called = request["messages"][-1]["role"] == "tool"
            return answer if called else call

    call = says("Let me ", "**see**.\n\n") + calls("exponentiate", x=1.05, y=10)
    answer = answers(MARKDOWN).but(usage=USED)
    with Forgetful() as server:
        pipe.send(server.url)
        pipe.recv()


@contextmanager
def served() -> Iterator[str]:
    """Yields the address of a server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=[theirs], daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join()


@dataclass(frozen=True)
class Figures:
    """What a process has at some moment, and the CPU seconds it has used up to then."""

    mib: float
    files: int
    cpu: float

    @classmethod
    def of(cls, pid: int, since: Figures | None = None) -> Figures:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return cls(
            pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            len(list(Path(f"/proc/{pid}/fd").iterdir())),
            # The clock as clock_getcpuclockid(3) names it.
            time.clock_gettime((~pid << 3) | 2) - (since.cpu if since else 0),
        )


class Chat:
    """The chat on a terminal, and the milliseconds to its prompt in each turn."""

    def __init__(self, home: Path, url: str) -> None:
        command = [*COMMAND, "--model", "m", "--base-url", url]
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, environment(home))
        termios.tcsetwinsize(self._terminal, (40, 100))
        self._seen = b""
        self.to_prompt: list[float] = []
        self.to_echo: list[float] = []
        self._see(PROMPTED)

    def ask(self, question: str) -> None:
        os.write(self._terminal, question.encode() + b"\r")
        ended = self._see(ENDED)
        prompted = self._see(PROMPTED)
        os.write(self._terminal, KEY)
        echoed = self._see(KEY)
        os.write(self._terminal, b"\x7f")
        self.to_prompt.append((prompted - ended) * 1_000)
        self.to_echo.append((echoed - prompted) * 1_000)

    def _see(self, what: bytes) -> float:
        """Wait until it has been written, and drop it with all before it."""
        while what not in self._seen:
            assert select.select([self._terminal], [], [], LONGEST)[0], self._seen
            self._seen += os.read(self._terminal, 65_536)
        self._seen = self._seen.partition(what)[2]
        return time.perf_counter()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


def chat() -> None:
    with TemporaryDirectory() as home, served() as url:
        played = Chat(Path(home), url)
        figures = []
        try:
            for number in range(1, LATE + 1):
                if number + TIMED - 1 in (EARLY, LATE):
                    before = Figures.of(played.pid)
                played.ask(f"What does 1 grow to in 10 years, the {number:,}. time")
                if number in (EARLY, LATE):
                    figures.append(Figures.of(played.pid, since=before))
        finally:
            played.kill()
        turns = stored_turns(Path(home))
    assert len(turns) == LATE
    held = [sum(map(size, turns[:number])) / 2**20 for number in (EARLY, LATE)]
    for number, now, mib in zip((EARLY, LATE), figures, held, strict=True):
        times = [each[number - TIMED : number] for each in (played.to_prompt, played.to_echo)]
        to_prompt, to_echo = map(statistics.median, times)
        print(
            f"chat, turn {number:>6,}: {now.mib:.1f} MiB, {mib:.2f} of them conversation; "
            f"{now.files} files; {now.cpu / TIMED * 1_000:.0f} ms of CPU a turn; medians: "
            f"{to_prompt:.1f} ms to the prompt, {to_echo:.1f} ms from key to screen",
            flush=True,
        )
    early, late = (now.mib - mib for now, mib in zip(figures, held, strict=True))
    judge("chat memory", late / early, MOST)
    judge("chat files", figures[1].files, figures[0].files)
    judge("chat CPU", figures[1].cpu / figures[0].cpu, MOST)


def stored_turns(home: Path) -> list[StoredTurn]:
    from streamchat.sessions.store import Store

    [path] = home.rglob("sessions.sqlite3")
    with Store.open(path) as store:
        [session] = store.sessions()
        return store.turns(session.id)


def size(turn: StoredTurn) -> int:
    """Returns the bytes that a turn takes in a chat."""
    own = [turn, turn.question, turn.question, turn.answer, turn.started, turn.seconds, turn.id]
    return sum(map(sys.getsizeof, own)) + 2 * 8  # the places in two lists


def judge(what: str, figure: float, most: float) -> None:
    print(f"{what:<14} {figure:>6.2f}   <= {most:.2f}  {'ok' if figure <= most else 'MISSED'}")


def invoke() -> None:
    with served() as url:
        command = [sys.executable, "-m", "tests.bench_soak", url]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    first, *figures = [Figures(**each) for each in json.loads(done.stdout)]
    for number, now in zip((EARLY, LATE), figures, strict=True):
        print(
            f"invoke, after {number:>5,}: {now.mib:.1f} MiB; {now.files} files; "
            f"{now.cpu / AT_A_TIME * 1_000:.0f} ms of CPU each",
            flush=True,
        )
    judge("invoke memory", figures[1].mib / figures[0].mib, MOST)
    # Each that is under way has a connection, and the client keeps some of them open.
    judge("invoke files", figures[1].files, first.files + AT_A_TIME - 1)
    judge("invoke CPU", figures[1].cpu / figures[0].cpu, MOST)


async def answer_all(url: str) -> list[Figures]:
    """Answers the questions in this process."""
    from streamchat.agent.executor import AgentExecutor
    from streamchat.agent.streamer import QueueCallbackHandler
    from streamchat.models.openai_compatible import connect

    executor = AgentExecutor(connect("m", base_url=url, api_key=None, temperature=0, timeout=60))

    async def once() -> None:
        streamer = QueueCallbackHandler()
        task = asyncio.create_task(executor.invoke("?", streamer, history=()))
        assert [event async for event in streamer]
        assert (await task)["tools_used"] == ["exponentiate"]

    await once()
    figures = [Figures.of(os.getpid())]
    for number in range(AT_A_TIME, LATE + 1, AT_A_TIME):
        before = Figures.of(os.getpid())
        await asyncio.gather(*(once() for _ in range(AT_A_TIME)))
        if number in (EARLY, LATE):
            figures.append(Figures.of(os.getpid(), since=before))
    return figures


PARTS = {"chat": chat, "invoke": invoke}


def soak(parts: list[str]) -> None:
    if not set(parts) <= set(PARTS):
        sys.exit(__doc__)
    for part in parts or PARTS:
        PARTS[part]()


def main() -> None:
    """Answers the questions of `invoke` and prints the figures."""
    figures = asyncio.run(answer_all(sys.argv[1]))
    plain = [{field.name: getattr(each, field.name) for field in fields(each)} for each in figures]
    print(json.dumps(plain))


if __name__ == "__main__":
    main()
