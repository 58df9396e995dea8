"""What the view costs and how late it is: python -m tests.bench view [latency|cpu|bytes|memory]

The whole program, `ours`, answers on a pseudo-terminal, beside two scripts anybody would write:
`bare` prints each token, `rich` renders all of the Markdown so far at every token. The server runs
in a process of its own, and so does what reads the terminal: it does nothing else meanwhile, and
what was on the screen at which time is worked out afterwards. Compare figures of one run only.
"""

# What is heavy is imported where it is used: the scripts are started from this file too and are to
# pay only for what they need, and a process's peak of memory is at least that of who started it.
from __future__ import annotations

import asyncio
import codecs
import itertools
import multiprocessing
import os
import pickle
import pty
import random
import re
import statistics
import subprocess
import sys
import termios
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

COLUMNS, LINES = 100, 40
RATES = {50: 600, 200: 1_200}
"""Tokens a second, and how many of them."""
DELAYS = {50: (5, 20), 200: (8, 40)}
"""The most milliseconds that a token may wait at each rate: in the median, and of 99 in 100."""
SIZES = (2_000, 5_000, 20_000)
RICH_SIZE = 2_000
"""`rich` parses everything again at every token: it would take minutes for more."""
REPEATS = {1: 6, 2_000: 6, 5_000: 2, 20_000: 2}
"""The least counts, as noise only adds; it matters most where small figures are subtracted."""
LONGEST = 180
"""Seconds after which a run has got stuck."""

WORDS = re.findall(
    r"\w+",
    """the a of and to in is that for it with as on be at by this from or an are which value result
    number list string function return object memory server token answer question because however
    between different example important implementation performance available usually first""",
)
CODE = "def W(W, W):\n    W = W + 1  # W W W\n    return W(W)\n\n"
TABLE = "| W | W | W |\n|---|---|---|\n" + "| W W | `W` | W |\n" * 6 + "\n"
SECTION = """\
## W W W

W W W W W **W W** W W W W `W` W W W W W W, W W W W W W W W W *W W* W W W. W W W W W W W W W W W
`W` W W W W W W **W** W W W; W W W W W W W W.

- W W W **W** W W W
- W W `W` W
  - W W W W W W W W W W W W W W W W W W W W W W W W W
  - W **W** W W W
- W W W

1. W W W W
2. W W `W` W W

"""


def markdown(words: Iterator[str], length: int) -> str:
    """Mixed Markdown of at least so many characters; some of its code is higher than the window."""
    text = ""
    for number in itertools.count():
        if len(text) >= length:
            return text
        code = CODE * (12 if number % 3 == 2 else 2)
        section = f"{SECTION}```python\n{code}```\n\n{TABLE * (number % 2)}"
        text += re.sub("W", lambda _: next(words), section)
    raise AssertionError


def marked(count: int) -> list[str]:
    """Tokens that each end in a word of their own, to be found whatever is drawn around it."""
    text = markdown((f"w{number:05}" for number in itertools.count()), 20 * count)
    return re.findall(r".*?w\d{5}", text, re.DOTALL)[:count]


def plausible(count: int) -> list[str]:
    """Tokens of three to six characters that begin and end anywhere, as a model's do."""
    chance = random.Random(1)
    text = markdown(iter(lambda: chance.choice(WORDS), None), 6 * count)
    cuts = itertools.accumulate((chance.randint(3, 6) for _ in range(count)), initial=0)
    return [text[start:end] for start, end in itertools.pairwise(cuts)]


TOKENS = {"marked": marked, "plausible": plausible}


class Pacer:
    """Holds every frame back until it is due, and notes when it went.

    The time that one is due does not depend on when those before it went: delays do not add up.
    """

    def __init__(self, rate: int) -> None:
        self.times: list[float] = []
        self.client = 0
        """The client's process id."""
        self.before = 0.0
        """The CPU seconds it had used when it had asked."""
        self._rate = rate

    def __call__(self, frame: bytes) -> list[bytes]:
        if not self.times:
            self.before = cpu_seconds(self.client)
        now = time.monotonic()
        start = self.times[0] if self.times else now
        if self._rate:
            time.sleep(max(0.0, start + len(self.times) / self._rate - now))
        self.times.append(time.monotonic())
        return [frame]


def cpu_seconds(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def serve(tokens: list[str], rate: int, pipe: Connection) -> None:
    """Answers one request at this rate, or without a pause if it is 0."""
    from tests.server import Reply, Server, delta

    pacer = Pacer(rate)
    parts = (delta(role="assistant", content=""), *(delta(content=token) for token in tokens))
    with Server() as server:
        server.script(Reply(parts, split=pacer))
        pipe.send(server.url)
        pacer.client = pipe.recv()
        pipe.poll(LONGEST)
    pipe.send((pacer.times[1 : len(tokens) + 1], pacer.before))


async def pieces(url: str) -> AsyncIterator[str]:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    llm = ChatOpenAI(model="m", base_url=url, api_key=SecretStr("none"))
    async for chunk in llm.astream("?"):
        yield str(chunk.content)


async def bare(url: str) -> None:
    async for piece in pieces(url):
        print(piece, end="", flush=True)
    print()


async def rich(url: str) -> None:
    from rich.live import Live
    from rich.markdown import Markdown

    text = ""
    # By default Live paints four times a second and shows the first lines of what is too high: the
    # newest token would come late, then never. So it gets our frame rate and all the height.
    with Live(Markdown(""), refresh_per_second=30, vertical_overflow="visible") as live:
        async for piece in pieces(url):
            text += piece
            live.update(Markdown(text))


SCRIPTS = {"bare": bare, "rich": rich}


def command(way: str, url: str) -> list[str]:
    if way in SCRIPTS:
        return [sys.executable, "-m", "tests.bench_view", "script", way, url]
    options = ["ask", "--no-tools", "--model", "m", "--base-url", url, "?"]
    return [sys.executable, "-m", "streamchat", *options]


def start(command: list[str], env: dict[str, str], terminal: bool) -> tuple[int, int]:
    """Starts a process; returns its id and the descriptor where its output can be read."""
    if terminal:
        pid, output = pty.fork()
        if pid == 0:
            termios.tcsetwinsize(0, (LINES, COLUMNS))
            os.execve(command[0], command, env)
        return pid, output
    output, end = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    files = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, end, 1)]
    pid = os.posix_spawn(command[0], command, env, file_actions=files)
    os.close(nothing)
    os.close(end)
    return pid, output


def read_all(output: int) -> list[tuple[float, bytes]]:
    reads: list[tuple[float, bytes]] = []
    while True:
        try:
            data = os.read(output, 65536)
        except OSError:  # how a terminal says that nobody is left at its other end
            return reads
        if not data:
            return reads
        reads.append((time.monotonic(), data))


def run(way: str, kind: str, count: int, rate: int, terminal: bool) -> None:
    """Has one question answered and writes what was measured to standard output."""
    from tests.program import environment

    fork = multiprocessing.get_context("fork")
    pipe, its_end = fork.Pipe()
    server = fork.Process(target=serve, args=(TOKENS[kind](count), rate, its_end))
    server.start()
    with TemporaryDirectory() as home:
        pid, output = start(command(way, pipe.recv()), environment(Path(home)), terminal)
        pipe.send(pid)
        reads = read_all(output)
        _, status, used = os.wait4(pid, 0)
    pipe.send("end")
    written, before = pipe.recv()
    server.join()
    if status:
        sys.exit(f"{way} failed: {b''.join(data for _, data in reads)[-500:].decode()}")
    cpu = used.ru_utime + used.ru_stime
    figures = (reads, written, cpu, cpu - before, used.ru_maxrss / 1024)
    sys.stdout.buffer.write(pickle.dumps(figures))


class Run(NamedTuple):
    reads: list[tuple[float, bytes]]
    """What came at which time."""
    written: list[float]
    """When the server wrote each token."""
    cpu: float
    """Seconds of the whole process, its start included."""
    after: float
    """Those since it had asked: start-ups differ by more than 2,000 tokens take."""
    memory: float
    """The most MiB it had."""

    @property
    def output(self) -> bytes:
        return b"".join(data for _, data in self.reads)


@cache
def measured(
    way: str, kind: str, count: int, rate: int = 0, terminal: bool = True, repeat: int = 1
) -> Run:
    arguments = (way, kind, str(count), str(rate), "terminal" if terminal else "")
    line = [sys.executable, "-m", "tests.bench_view", "run", *arguments]
    done = subprocess.run(line, stdout=subprocess.PIPE, timeout=LONGEST, check=True)
    return Run(*pickle.loads(done.stdout))


def best(way: str, count: int, terminal: bool = True) -> Run:
    runs = [measured(way, "plausible", count, 0, terminal, nth) for nth in range(REPEATS[count])]
    return min(runs, key=lambda run: run.cpu)


def least_after(way: str, count: int, terminal: bool) -> float:
    runs = (measured(way, "plausible", count, 0, terminal, nth) for nth in range(REPEATS[count]))
    return min(run.after for run in runs)


def first_seen(run: Run) -> dict[str, float]:
    """Returns when each marked word first was on the screen."""
    from tests.screen import Screen

    screen = Screen(COLUMNS, LINES)
    decoder = codecs.getincrementaldecoder("utf-8")()
    seen: dict[str, float] = {}
    for at, data in run.reads:
        screen.write(decoder.decode(data))  # a read may end in the middle of a character
        # Without separators: the terminal may have broken a word at its margin.
        for word in re.findall(r"w\d{5}", "".join(screen.visible())):
            seen.setdefault(word, at)
    return seen


def check_text(what: str, tokens: list[str], run: Run) -> None:
    """Looks whether the screen and what has scrolled off it are the answer, no less and no more."""
    from tests.screen import Screen

    screen = Screen(COLUMNS, LINES)
    screen.write(run.output.decode())
    there, words = letters("".join(screen.everything())), "".join(tokens).split()
    got = bisect_left(
        range(len(words)), True, key=lambda at: letters("".join(words[: at + 1])) not in there
    )
    # A footer is none of the answer; a line that was painted twice is more than that.
    more = len(there) - len(letters("".join(words)))
    target(f"{what}: words lost or not in their place", len(words) - got, 0)
    target(f"{what}: letters that are not the answer's", more, 80)


def letters(text: str) -> str:
    """What stays as it is when lines are broken elsewhere and markup, as a fence's, is drawn."""
    return re.sub(r"[^a-zA-Z0-9]|python", "", text)


def target(what: str, figure: float, most: float | None) -> None:
    """Prints a figure, and how much it may be if that matters."""
    verdict = "" if most is None else f"  <= {most:>6.2f}  {'ok' if figure <= most else 'MISSED'}"
    print(f"  {what:<64} {figure:>8.2f}{verdict}", flush=True)


def latency() -> None:
    """From the server's write of a token to the token on the screen."""
    for rate, count in RATES.items():
        print(f"\nDelay at {rate} tokens/s, {count:,} tokens, ms")
        print(f"{'':>6} {'first':>8} {'median':>8} {'p99':>8} {'max':>8} {'never':>6}  the latest")
        tokens = marked(count)
        figures: dict[str, list[float]] = {}
        for way in ("bare", "ours", "rich"):
            run = measured(way, "marked", count, rate)
            seen = first_seen(run)
            delays = [
                (seen[token[-6:]] - written, token)
                for token, written in zip(tokens, run.written, strict=True)
                if token[-6:] in seen
            ]
            ms = [delay * 1e3 for delay, _ in delays]
            quantiles = statistics.quantiles(ms, n=100)
            figures[way] = [ms[0], quantiles[49], quantiles[98], max(ms), count - len(ms)]
            row = " ".join(f"{figure:>8.1f}" for figure in figures[way][:4])
            print(f"{way:>6} {row} {count - len(ms):>6}  {max(delays)[1]!r}", flush=True)
        (base_first, *_), (first, median, p99, _, never), _ = figures.values()
        target("median", median, DELAYS[rate][0])
        target("p99", p99, DELAYS[rate][1])
        target("first token, beyond bare's", first - base_first, 10)
        target("never on the screen", never, 0)


def cpu() -> None:
    """The whole process's seconds for an answer at full speed."""
    for terminal, most in ((True, 1.5), (False, 1.1)):
        print(f"\nCPU at full speed, on a {'terminal' if terminal else 'pipe'}, s")
        print(f"{'tokens':>8} {'bare':>7} {'ours':>7} {'ratio':>6} {'ratio after the request':>24}")
        # In turns, so that what else the machine does for a while does not meet one figure only.
        for nth in range(max(REPEATS.values())):
            for size, way in itertools.product((1, *SIZES), ("bare", "ours")):
                if nth < REPEATS[size]:
                    measured(way, "plausible", size, 0, terminal, nth)
        start = {way: best(way, 1, terminal).cpu for way in ("bare", "ours")}
        print(f"{1:>8} {start['bare']:>7.2f} {start['ours']:>7.2f}   (start-up)", flush=True)
        above: list[float] = []
        ratios: list[float] = []
        for size in SIZES:
            theirs, ours = best("bare", size, terminal).cpu, best("ours", size, terminal).cpu
            after = {way: least_after(way, size, terminal) for way in ("bare", "ours")}
            above.append(after["ours"])
            ratios.append(ours / theirs)
            print(
                f"{size:>8,} {theirs:>7.2f} {ours:>7.2f} {ratios[-1]:>6.2f} "
                f"{after['ours'] / after['bare']:>12.2f} ({after['ours']:.2f} s)",
                flush=True,
            )
        target(f"ours / bare, the worst of {len(SIZES)}", max(ratios), most)
        target("after the request, 20,000 tokens / 2,000", above[-1] / above[0], 11)
    seconds = measured("rich", "plausible", RICH_SIZE).cpu
    print(f"\nrich on a terminal, {RICH_SIZE:,} tokens only, once: {seconds:.2f} s")


def written() -> None:
    """Bytes to the terminal, and whether they show the answer."""
    print("\nBytes to the terminal for each byte of the answer")
    for rate, most in ((0, 2), (50, 6)):
        sizes = {"bare": 5_000, "ours": 5_000, "rich": RICH_SIZE}
        counts = dict.fromkeys(sizes, RATES[rate]) if rate else sizes
        for way, count in counts.items():
            output = measured(way, "plausible", count, rate).output
            ratio = len(output) / len("".join(plausible(count)))
            what = f"{way}, {f'{rate} tokens/s' if rate else 'full speed'}, {count:,} tokens"
            target(what, ratio, most if way == "ours" else None)
    print("\nWhat can be read in the end, in the window and above it")
    for rate, count in ((0, 2_000), (50, RATES[50])):
        run = measured("ours", "plausible", count, rate)
        check_text(f"{count:,} tokens, {rate or 'all'} a second", plausible(count), run)


def memory() -> None:
    """The peak of the resident memory."""
    print("\nPeak memory on a terminal, MiB")
    peaks: dict[str, float] = {}
    for way in ("bare", "ours"):
        before, peaks[way] = best(way, 1).memory, best(way, SIZES[-1]).memory
        target(f"{way}, one token", before, None)
        target(f"{way}, {SIZES[-1]:,} tokens", peaks[way], None)
    target("ours beyond bare", peaks["ours"] - peaks["bare"], 20)


PARTS = {"latency": latency, "cpu": cpu, "bytes": written, "memory": memory}


def view(parts: list[str]) -> None:
    if not set(parts) <= set(PARTS):
        sys.exit(__doc__)
    print(f"A terminal of {COLUMNS}x{LINES}; {os.cpu_count()} processors, load {os.getloadavg()}")
    for part in parts or PARTS:
        PARTS[part]()
    print(f"\nload at the end {os.getloadavg()}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["script", way, url]:
            asyncio.run(SCRIPTS[way](url))
        case ["run", way, kind, count, rate, where]:
            run(way, kind, int(count), int(rate), bool(where))
        case parts:
            view(parts)
