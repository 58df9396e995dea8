"""Measurements: python -m tests.bench stream (or size); of the screen: tests.bench view; of the
start: tests.bench start; of thousands of turns: tests.bench soak; of the user's agent: tests.bench
agent; of MCP servers that write without end: tests.bench mcp; of many clients at once: tests.bench
serve

Figures are CPU seconds of the client's own process: these do not depend on what else the machine
does as wall time does. The scripted server runs in a process of its own. Compare figures of one run
only.
"""

from __future__ import annotations

import asyncio
import io
import json
import multiprocessing
import os
import pty
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from streamchat.agent.executor import AgentExecutor
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.models.openai_compatible import connect
from streamchat.view.answer import AnswerView
from streamchat.view.play import play
from tests.bench_agent import agent, agent_client
from tests.bench_mcp import mcp
from tests.bench_serve import serve as serve_load
from tests.bench_soak import soak
from tests.bench_start import start
from tests.bench_view import view
from tests.server import Reply, Server, call_delta, delta, says

SIZES = (1_000, 5_000, 20_000)
REPEATS = 3


def content(count: int) -> Reply:
    return Reply(
        (delta(role="assistant", content=""), *(delta(content="word ") for _ in range(count)))
    )


def arguments(count: int) -> Reply:
    """A final answer of so many fragments."""
    ends = ('{"answer": "', '", "tools_used": []}')
    pieces = (ends[0], *["word "] * (count - 2), ends[1])
    first = call_delta(id="a", name="final_answer", arguments="")
    return Reply((first, *(call_delta(arguments=piece) for piece in pieces)), "tool_calls")


def one_argument(fragments: int, size: int) -> Reply:
    """A final answer in so many fragments of this many characters."""
    ends = ('{"answer": "', '", "tools_used": []}')
    pieces = (ends[0], *["x" * size] * fragments, ends[1])
    first = call_delta(id="a", name="final_answer", arguments="")
    return Reply((first, *(call_delta(arguments=piece) for piece in pieces)), "tool_calls")


HUGE: dict[str, Callable[[int], Reply]] = {
    "10,000 fragments": lambda times: one_argument(10_000 * times, 6),
    "64 kB fragment": lambda times: one_argument(1, 65_536 * times),
    "450 kB answer, tokens": lambda times: says(*["word "] * 90_000 * times),
    "450 kB, no line ends": lambda times: says(*["wordy"] * 90_000 * times),
    "5 MB argument": lambda times: one_argument(1, 5_000_000 * times),
}
KINDS: dict[str, Callable[[int], Reply]] = {"content": content, "arguments": arguments}


def serve(kind: str, count: int, pipe: Connection) -> None:
    with Server() as server:
        # The first request warms up what is imported and built at the first use.
        server.script(says("warm"), *[KINDS[kind](count)] * REPEATS)
        pipe.send(server.url)
        pipe.recv()


async def bare(url: str, kind: str) -> Callable[[], Awaitable[int]]:
    """A loop over LangChain's own ChatOpenAI that does nothing with what it gets."""
    llm = ChatOpenAI(model="m", base_url=url, api_key=SecretStr("none"))

    async def once() -> int:
        return sum([1 async for _ in llm.astream("?")])

    return once


async def ours(url: str, kind: str) -> Callable[[], Awaitable[int]]:
    """The whole way from the question to the answer on a pipe."""
    llm = connect("m", base_url=url, api_key=None, temperature=0, timeout=600)
    executor = AgentExecutor(llm, [] if kind == "content" else None, timeout=600)

    async def once() -> int:
        streamer = QueueCallbackHandler()
        task = asyncio.create_task(executor.invoke("?", streamer))
        turn = await play(streamer, AnswerView(io.StringIO(), print))
        await task
        return len(turn.answer)

    return once


WAYS = {"bare": bare, "ours": ours}


async def client(way: str, kind: str, url: str) -> None:
    """Prints the CPU seconds of each repeat."""
    once = await WAYS[way](url, kind)
    await once()
    figures = []
    for _ in range(REPEATS):
        started = time.process_time()
        await once()
        figures.append(time.process_time() - started)
    print(json.dumps(figures))


def measure(way: str, kind: str, count: int) -> float:
    """Returns the least CPU seconds of the repeats: noise only ever adds."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(kind, count, theirs), daemon=True
    )
    process.start()
    command = [sys.executable, "-m", "tests.bench", "client", way, kind, ours.recv()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ours.send("end")
    process.join()
    return float(min(json.loads(done.stdout)))


def stream() -> None:
    """CPU for each fragment of argument and token of content, and against a bare loop."""
    print(f"{'':>22} {'bare s':>9} {'ours s':>9} {'ours/bare':>10} {'ours µs each':>13}")
    for kind in KINDS:
        for count in SIZES:
            figures = {way: measure(way, kind, count) for way in WAYS}
            ratio = figures["ours"] / figures["bare"]
            each = figures["ours"] / count * 1e6
            print(
                f"{count:>12,} {kind:<9} {figures['bare']:>9.3f} {figures['ours']:>9.3f} "
                f"{ratio:>10.2f} {each:>13.1f}",
                flush=True,
            )


def size() -> None:
    """The whole program on huge answers: CPU seconds and memory, and twice as huge ones."""
    print(f"{'':>24} {'CPU s':>7} {'MiB':>6} {'twice':>7} {'MiB':>6}   to")
    for name, reply in HUGE.items():
        for plain in (True, False):
            figures = [whole(reply(times), on_a_terminal=not plain) for times in (1, 2)]
            text = " ".join(f"{cpu:>7.2f} {mib:>6.0f}" for cpu, mib in figures)
            print(f"{name:>24} {text}   {'pipe' if plain else 'terminal'}", flush=True)


def whole(reply: Reply, *, on_a_terminal: bool) -> tuple[float, float]:
    """Returns the CPU seconds and the most MiB of one start of the program."""
    ours, theirs = pty.openpty() if on_a_terminal else os.pipe()
    with Server() as server:
        server.script(reply)
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "streamchat", "ask", "?", "--base-url", server.url],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 1)],
        )
        os.close(theirs)
        with suppress(OSError):  # of a terminal whose last program has ended
            while os.read(ours, 65_536):
                pass
        os.close(ours)
        _, code, used = os.wait4(pid, 0)
    assert code == 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    match sys.argv[1:]:
        case ["stream"]:
            stream()
        case ["size"]:
            size()
        case ["client", way, kind, url]:
            asyncio.run(client(way, kind, url))
        case ["agent", *parts]:
            agent(parts)
        case ["agent-client", way, target]:
            agent_client(way, target)
        case ["mcp", *parts]:
            mcp(parts)
        case ["view", *parts]:
            view(parts)
        case ["start", *parts]:
            start(parts)
        case ["soak", *parts]:
            soak(parts)
        case ["serve", *parts]:
            serve_load(parts)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
