"""The load on `streamchat serve`: python -m tests.bench serve [load|limit|memory] [--clients 200]

`load`: so many clients, who start within a second, each with a stream of 200 tokens at 50 tokens a
second, of one server process. It tells what is lost or out of order, how much later a token arrives
than the model's server sent it, and the CPU time of a token, beside those of a bare Starlette relay
of the same stream. Server and relay take turns, and the ratio is that of the medians.

`limit`: five times as many clients as runs are allowed. Those beyond the limit must be refused, and
the others complete. Then as many as are allowed leave in the middle, one after another: how long it
takes until the model's server notices.

`memory`: as many short turns as an hour brings, one after another on a few connections.

The model's server and the clients have processes of their own: on a machine with few cores all of
them take time from the server, and so does whatever else runs. The load average is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.program import COMMAND, environment

TOKENS, RATE = 200, 50
CLIENTS = 200
ROUNDS = 3
AT_ONCE = 20
MOST_DELAY = 50.0
MOST_RATIO = 1.5
MOST_GROWTH = 1.10
LEAVE_WITHIN = 100.0
TURNS = 6_000
"""Turns of an hour: a hundred users who ask once a minute."""
TOKEN = "token-of-the-bench"
PORT = re.compile(r"(?:^|127\.0\.0\.1:)(\d+)\b")


class Server:
    """A process that listens.

    Attributes:
        pid: the process's.
        url: where it listens.
    """

    def __init__(self, pid: int, url: str) -> None:
        self.pid, self.url = pid, url

    @property
    def cpu(self) -> float:
        """The CPU seconds so far, as clock_getcpuclockid(3) names the clock."""
        return time.clock_gettime((~self.pid << 3) | 2)

    @property
    def mib(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def start(*command: str, variables: dict[str, str] | None = None) -> Iterator[Server]:
    """Start a process that prints where it listens."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
    )
    assert process.stdout
    try:
        port = next(found for line in process.stdout if (found := PORT.search(line)))
        yield Server(process.pid, f"http://127.0.0.1:{port[1]}")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def start_all(max_runs: int) -> Iterator[tuple[Server, Server, Server]]:
    """Start the model's server, a relay and streamchat."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        upstream = stack.enter_context(start(sys.executable, "-m", "tests.load.upstream"))
        model = f"{upstream.url}/v1"
        relay = stack.enter_context(start(sys.executable, "-m", "tests.load.relay", model))
        options = ["--model", "m", "--base-url", model, "--port", "0", "--token", TOKEN]
        command = [*COMMAND, "serve", *options, "--max-runs", str(max_runs)]
        served = stack.enter_context(start(*command, variables=environment(home)))
        yield upstream, relay, served


def ask(server: Server, clients: int, tokens: int, rate: int, **options: Any) -> list[Any]:
    """Return what clients got that asked all at once; see `tests.load.clients`."""
    url = f"{server.url}/agent?token={TOKEN}"
    command = [sys.executable, "-m", "tests.load.clients", url, *map(str, (clients, tokens, rate))]
    command += [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return list(json.loads(done.stdout))


def judge(what: str, figure: float, most: float, unit: str = "") -> None:
    verdict = "ok" if figure <= most else "MISSED"
    print(f"{what:<24} {figure:>9.2f} {unit:<3} <= {most:g}  {verdict}", flush=True)


def load(clients: int) -> None:
    costs: dict[str, list[float]] = {"relay": [], "serve": []}
    worst, faults = 0.0, 0
    with start_all(clients) as (_, relay, served):
        servers = {"relay": relay, "serve": served}
        for server in servers.values():
            ask(server, 2, 20, 0)
        for _ in range(ROUNDS):
            for name, server in servers.items():
                before = server.cpu
                got = ask(server, clients, TOKENS, RATE, over=1)
                cost = (server.cpu - before) / (clients * TOKENS) * 1e6
                costs[name].append(cost)
                delays = sorted(delay for each in got for delay in each["delays"])
                middle, late = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
                wrong = count_faults(got)
                print(
                    f"{name}: {clients} x {TOKENS} at {RATE}/s: {cost:.0f} µs of CPU a token; "
                    f"delay {middle:.1f} ms, p99 {late:.1f} ms, most {delays[-1]:.1f} ms; "
                    f"{wrong} lost or out of order; load {os.getloadavg()[0]:.1f}",
                    flush=True,
                )
                if name == "serve":
                    worst, faults = max(worst, late), faults + wrong
    theirs, ours = map(statistics.median, costs.values())
    judge("lost or out of order", faults, 0)
    judge("p99 delay", worst, MOST_DELAY, "ms")
    judge("CPU over the relay's", ours / theirs, MOST_RATIO)


def count_faults(got: list[Any]) -> int:
    """Return how many tokens are missing or misplaced, or streams without a proper end."""
    missing = sum(abs(TOKENS - len(each["delays"])) + each["misplaced"] for each in got)
    return missing + sum(not each["ended"] for each in got)


def limit(clients: int) -> None:
    with start_all(clients) as (upstream, _, served):
        ask(served, 2, 20, 0)
        got = ask(served, 5 * clients, 100, 20)
        refused = [each for each in got if each["status"] == 429]
        taken = [each for each in got if each["status"] == 200]
        broken = [each for each in taken if not each["ended"] or len(each["delays"]) != 100]
        print(f"limit: {len(taken)} of {len(got)} taken, {len(refused)} refused", flush=True)
        judge("neither", len(got) - len(taken) - len(refused), 0)
        judge("broken", len(broken), 0)
        judge("429 without Retry-After", sum(not each["retry_after"] for each in refused), 0)
        got = ask(served, clients, 1_000, 10, over=clients / 10, leave=1)
        left = sorted(each["left"] for each in got)
        noticed = wait_for_leaving(upstream, clients)
        waits = [(there - here) * 1_000 for here, there in zip(left, noticed, strict=True)]
        print(f"limit: left after {statistics.median(waits):.0f} ms in the median", flush=True)
        judge("time to leave", max(waits), LEAVE_WITHIN, "ms")


def wait_for_leaving(upstream: Server, clients: int) -> list[float]:
    """Return when the model's server lost its connections."""
    end = time.monotonic() + 30
    while True:
        with urllib.request.urlopen(f"{upstream.url}/left") as response:
            left = json.load(response)
        if len(left) == clients:
            return sorted(left)
        assert time.monotonic() < end, f"{len(left)} of {clients} connections were closed"
        time.sleep(0.05)


def memory(clients: int) -> None:
    with start_all(clients) as (_, _, served):
        figures = []
        at_once = min(clients, AT_ONCE)
        for _ in range(6):
            got = ask(served, at_once, 10, 0, turns=TURNS // 6 // at_once)
            turns = sum(each["ended"] for each in got)
            assert sum(len(each["delays"]) for each in got) == turns * 10
            figures.append(served.mib)
            load = os.getloadavg()[0]
            print(
                f"memory: {turns:,} more turns: {served.mib:.1f} MiB; load {load:.1f}", flush=True
            )
    judge("memory", figures[-1] / figures[0], MOST_GROWTH)


PARTS = {"load": load, "limit": limit, "memory": memory}


def serve(parts: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench serve")
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    given = parser.parse_args(parts)
    if not set(given.parts) <= set(PARTS):
        sys.exit(__doc__)
    for part in given.parts or PARTS:
        PARTS[part](given.clients)
