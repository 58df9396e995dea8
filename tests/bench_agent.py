"""What it costs to watch the user's agent: python -m tests.bench agent [fragments [rounds]]

CPU seconds for each fragment of `--agent`, from the question to the live view on a pseudo-terminal
or to JSON, beside a bare loop over the same graph's stream, which does nothing with what it gets.
Each figure is the median over rounds in which the ways take turns; compare those of one run only.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import pty
import runpy
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

FRAGMENTS, ROUNDS = 2_000, 7
WAYS = ("bare", "live", "json")
REPEATS = 3
"""Turns of a process, after one that warms up what is imported and built at the first use."""
SIZE = (100, 40)

AGENT = """\
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def count(text: str) -> int:
    "Count the characters of a text."
    return len(text)


agent = create_agent(ChatOpenAI(model="m"), [count])
"""


def agent(parts: list[str]) -> None:
    """Print a table of both kinds of fragments."""
    fragments, rounds = [*map(int, parts), *(FRAGMENTS, ROUNDS)[len(parts) :]]
    print(f"{'':>22} {'bare':>9} {'live':>9} {'json':>9}   µs of CPU a fragment")
    for kind in ("text", "arguments"):
        figures = measure(kind, fragments, rounds)
        bare, live, plain = (statistics.median(figures[way]) / fragments * 1e6 for way in WAYS)
        print(f"{fragments:>12,} {kind:<9} {bare:>9.1f} {live:>9.1f} {plain:>9.1f}")
        print(f"{'over bare':>22} {1:>9.2f} {live / bare:>9.2f} {plain / bare:>9.2f}", flush=True)


def measure(kind: str, fragments: int, rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of the turns of each way."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=serve, args=(kind, fragments, theirs), daemon=True
    )
    server.start()
    url = ours.recv()
    figures: dict[str, list[float]] = {way: [] for way in WAYS}
    with TemporaryDirectory() as home:
        path = Path(home, "agent.py")
        path.write_text(AGENT)
        for number in range(rounds):
            # Whatever else the machine does is not to meet the same way every time.
            for way in WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]:
                figures[way] += run_client(way, path, url)
    ours.send("end")
    server.join()
    return figures


def run_client(way: str, path: Path, url: str) -> list[float]:
    """Run a process whose output is a pseudo-terminal, and return its figures."""
    command = [sys.executable, "-m", "tests.bench", "agent-client", way, f"{path}:agent"]
    variables = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk", "TERM": "xterm-256color"}
    size = {"COLUMNS": str(SIZE[0]), "LINES": str(SIZE[1])}
    terminal, theirs = pty.openpty()
    reader = threading.Thread(target=read_all, args=(terminal,))
    reader.start()
    done = subprocess.run(
        command,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=os.environ | variables | size,
        text=True,
        check=False,
    )
    os.close(theirs)
    reader.join()
    if done.returncode:
        sys.exit(done.stderr)
    return [float(each) for each in json.loads(done.stderr.splitlines()[-1])]


def read_all(terminal: int) -> None:
    with suppress(OSError):  # of a terminal whose last program has ended
        while os.read(terminal, 65_536):
            pass
    os.close(terminal)


def serve(kind: str, fragments: int, pipe: Connection) -> None:
    """Answer forever: with a text of so many tokens, or with a call and then a word."""
    from tests.server import Server, calls, says

    with Server() as server:
        if kind == "text":
            server.script(says(*["word "] * fragments), forever=True)
        else:
            pieces = ('{"text": "', *["word "] * (fragments - 2), '"}')
            server.script(calls("count", pieces), says("Done."), forever=True)
        pipe.send(server.url)
        pipe.recv()


def agent_client(way: str, target: str) -> None:
    """Print the CPU seconds of some turns on standard error."""
    asyncio.run(_time_turns(way, target))


async def _time_turns(way: str, target: str) -> None:
    once = await (_open_bare(target) if way == "bare" else _open_ours(way, target))
    await once()
    figures = []
    for _ in range(REPEATS):
        started = time.process_time()
        await once()
        figures.append(time.process_time() - started)
    print(json.dumps(figures), file=sys.stderr)


async def _open_bare(target: str) -> Callable[[], Awaitable[object]]:
    graph = runpy.run_path(target.rpartition(":")[0])["agent"]

    async def once() -> None:
        modes = ["messages", "updates", "custom"]
        question = {"messages": [("user", "?")]}
        async for _ in graph.astream(question, stream_mode=modes, subgraphs=True, version="v2"):
            pass

    return once


async def _open_ours(way: str, target: str) -> Callable[[], Awaitable[object]]:
    from streamchat.agent.source import Request
    from streamchat.agent.target.name import parse_target
    from streamchat.agent.target.source import TargetSource
    from streamchat.config.sources import load_settings
    from streamchat.process.interrupts import InterruptHandler
    from streamchat.sessions.turns import run_turn
    from streamchat.text.redact import Redactor
    from streamchat.view.choose import ViewOptions, choose_view

    source = await asyncio.to_thread(
        TargetSource.load, parse_target(target), load_settings(), Redactor()
    )

    async def once() -> None:
        view = choose_view(ViewOptions(json=way == "json"))
        turn = await run_turn(source, Request("?"), view, InterruptHandler())
        assert turn.status == "done", turn.error

    return once
