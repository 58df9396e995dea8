"""The installed program in every scenario: on a pipe, on a terminal, and with --json.

Many scenarios wait for something, so the selected ones run in the background, a few at a time, and
each test waits for its own.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import socket
import termios
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.event_schema import check_lines
from tests.odd_streams import ODD_STREAMS
from tests.program import DEVNULL, HANGS, PIPE, SCRIPT, Process, environment
from tests.scenarios import ALL as USUAL
from tests.scenarios import KEY, VERBOSE, Scenario
from tests.screen import Screen
from tests.server import Reply, Server

ALL = (*USUAL, *ODD_STREAMS)
PARALLEL = 5
FRESH_EVERY = 8
"""One in so many scenarios gets a real start in one of its modes; the other runs are forks."""
MODES = ("piped", "on_a_terminal", "json")
MAX_MEGABYTES = 700
MAX_ERROR = 300
COLUMNS, LINES = 80, 24

HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060"
    "\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
SEQUENCES = re.compile(
    r"\x1b\[(?:[0-9;:]*m|[0-9;]*[ABCDGHf]|[0-3]?[JK]|\?(?:25|2004|2026)[hl])"  # style, place, erase
)
STYLE = re.compile(r"\x1b\[([0-9;:]*)m")
FINAL = ("turn_done", "turn_failed", "turn_cancelled")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Run:
    """How the program ended, what it wrote, and what the servers received."""

    code: int
    out: str
    err: str
    seconds: float
    """Since the last request, or since the start if there was none."""
    megabytes: int
    """Its peak memory."""
    host: str
    """The server it was pointed at, with its port."""
    server: Server = field(repr=False)
    elsewhere: Server = field(repr=False)
    files: bytes = field(repr=False)


def play(scenario: Scenario, mode: str) -> Run:
    """Run the program in this scenario."""
    with (
        TemporaryDirectory() as home,
        Server() as server,
        Server() as elsewhere,
        _reserve_port() as closed,
    ):
        replies = (_fill_in_elsewhere(reply, elsewhere.url) for reply in scenario.replies)
        server.script(*replies, forever=scenario.forever)
        server.models = _fill_in_elsewhere(scenario.models, elsewhere.url)
        host = urlsplit(server.url if scenario.listening else closed).netloc
        url = f"http://{scenario.credentials}{host}/v1"
        process = Program(Path(home), scenario, mode, OPENAI_BASE_URL=url)
        started = time.monotonic()
        code, out, err = process.wait()
        since = server.times[-1] if server.times else started
        files = b"".join(each.read_bytes() for each in Path(home).rglob("*") if each.is_file())
        seconds = time.monotonic() - since
        return Run(code, out, err, seconds, process.megabytes, host, server, elsewhere, files)


def _is_fresh(scenario: Scenario, mode: str) -> bool:
    number, rest = divmod(ALL.index(scenario), FRESH_EVERY)
    return not rest and MODES[number % len(MODES)] == mode


def _fill_in_elsewhere(reply: Reply, elsewhere: str) -> Reply:
    headers = {name: value.format(elsewhere=elsewhere) for name, value in reply.headers.items()}
    return reply.but(headers=headers)


@contextmanager
def _reserve_port() -> Iterator[str]:
    """Reserve a port on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


class Program:
    """The program while it runs, on pipes or on a terminal of its own."""

    def __init__(self, home: Path, scenario: Scenario, mode: str, **variables: str) -> None:
        self.megabytes = 0
        self._deadline = time.monotonic() + HANGS
        flags = ("--json",) if mode == "json" else ()
        variables |= {"STREAMCHAT_REASONING": "show"} if mode == "on_a_terminal" else {}
        known = {"OPENAI_API_KEY": KEY} | scenario.variables | variables
        self._terminal, theirs = pty.openpty() if mode == "on_a_terminal" else (None, None)
        if theirs is not None:
            termios.tcsetwinsize(theirs, (LINES, COLUMNS))
        self._process = Process(
            SCRIPT,
            ["ask", *scenario.arguments, *flags, "--", scenario.question],
            environment(home, **known),
            stdin=DEVNULL if theirs is None else theirs,
            stdout=PIPE if theirs is None else theirs,
            stderr=PIPE if theirs is None else theirs,
            cwd=home,
            fresh=_is_fresh(scenario, mode),
        )
        if theirs is not None:
            os.close(theirs)

    def wait(self) -> tuple[int, str, str]:
        """Wait for the end; return exit code, standard output and standard error."""
        with self._process:
            if self._terminal is None:
                streams = [self._process.stdout, self._process.stderr]
                out, err = self._read(*(stream.fileno() for stream in streams if stream))
            else:
                try:
                    out, err = *self._read(self._terminal), b""
                finally:
                    os.close(self._terminal)
        return self._process.wait(), out.decode(), err.decode()

    def _read(self, *descriptors: int) -> list[bytes]:
        """Read until all are closed on the other side."""
        pieces: dict[int, list[bytes]] = {each: [] for each in descriptors}
        left = set(descriptors)
        while left:
            self._check()
            for each in select.select(left, [], [], 0.1)[0]:
                piece = b""
                with suppress(OSError):  # Linux's way to say that a terminal is closed
                    piece = os.read(each, 1 << 16)
                pieces[each].append(piece)
                if not piece:
                    left.remove(each)
        return [b"".join(each) for each in pieces.values()]

    def _check(self) -> None:
        self.megabytes = max(self.megabytes, _read_peak_memory(self._process.pid))
        if time.monotonic() > self._deadline:
            self._process.kill()
            raise AssertionError(f"still running after {HANGS} s")


def _read_peak_memory(pid: int) -> int:
    """Return a process's peak memory. `wait` would report the peak of its parent, too."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) // 1024 if found else 0


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Run]]]:
    """Return the runs of the selected tests, by test name."""
    selected = [item for item in request.session.items if item.parent is request.node]
    pool = ThreadPoolExecutor(PARALLEL)
    yield {
        item.name: pool.submit(play, item.callspec.params["scenario"], _get_mode(item.originalname))
        for item in selected
        if isinstance(item, pytest.Function) and "run" in item.fixturenames
    }
    pool.shutdown(cancel_futures=True)


def _get_mode(test: str) -> str:
    return test.removeprefix("test_")


@pytest.fixture
def run(request: pytest.FixtureRequest, runs: dict[str, Future[Run]]) -> Run:
    return runs[request.node.name].result()


every_scenario = pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)


@every_scenario
def test_piped(scenario: Scenario, run: Run) -> None:
    check_end(scenario, run)
    check_requests(scenario, run)
    check_standard_error(scenario, run)
    assert not HARMFUL.findall(run.out + run.err)
    if scenario.answer is not None:
        assert run.out == scenario.answer + "\n"
    elif run.code == 0:
        assert [run.out.count(each) for each in scenario.shown] == [1] * len(scenario.shown)
    elif scenario.code:
        assert run.out == (scenario.partial and scenario.partial + "\n")


@every_scenario
def test_on_a_terminal(scenario: Scenario, run: Run) -> None:
    check_end(scenario, run)
    check_requests(scenario, run)
    text = SEQUENCES.sub("", run.out)
    assert not HARMFUL.findall(text.replace("\r", ""))
    assert scenario.max_output is None or len(run.out) <= scenario.max_output
    screen = Screen(COLUMNS, LINES)
    screen.write(run.out)
    seen = strip_layout("".join(screen.everything()))
    assert strip_layout(KEY) not in seen
    error = fill_in_host(("✗ ", *scenario.error), run) if run.code else ()
    shown = scenario.shown or (scenario.answer or "",)
    for each in (*shown, scenario.partial, escape(scenario.reasoning), *error):
        assert strip_layout(each) in seen
    for word in scenario.reasoning.split()[:1]:
        assert_dim(word, run.out)


@every_scenario
def test_json(scenario: Scenario, run: Run) -> None:
    check_end(scenario, run)
    check_requests(scenario, run)
    assert run.out.isascii()
    events = check_lines(run.out)
    check_standard_error(scenario, run, join_fragments(events).get(("notice", "", "text"), ""))
    last = events[-1]
    assert events[0]["version"] == 1
    assert [event["type"] for event in events if event["type"] in FINAL] == [last["type"]]
    assert last["type"] == ("turn_failed" if run.code else "turn_done")
    assert KEY not in "\n".join(join_fragments(events).values())
    assert scenario.reasoning in join_fragments(events).get(("reasoning_delta", "", "text"), "")
    check_tools_that_ran(events)
    if run.code:
        assert len(last["error"]) <= MAX_ERROR
        assert all(each in last["error"] for each in fill_in_host(scenario.error, run))
        assert not scenario.partial or scenario.partial in find_answers(events)
    else:
        assert last["answer"] in find_answers(events)
    if not run.code and scenario.answer is not None:
        assert last["answer"] == (scenario.raw_answer or scenario.answer)


def check_end(scenario: Scenario, run: Run) -> None:
    """Check that it ended in time, and that it leaks nothing."""
    assert run.code in ((0, 1) if scenario.code is None else (scenario.code,)), run.err
    assert scenario.max_seconds is None or run.seconds < scenario.max_seconds
    assert run.megabytes < MAX_MEGABYTES
    everything = SEQUENCES.sub("", run.out + run.err)
    assert "Warning" not in everything
    assert "<html" not in everything.lower()
    assert "Traceback" not in everything or scenario.arguments == VERBOSE
    assert strip_layout(KEY) not in strip_layout(everything)
    assert KEY.encode() not in run.files
    assert not [each for each in scenario.absent if each in everything]


def check_requests(scenario: Scenario, run: Run) -> None:
    """Check that the strictest server accepts every request, and that no other server got one."""
    assert not run.elsewhere.visits
    requests, times = run.server.requests, run.server.times
    if scenario.requests is not None:
        assert len(requests) == scenario.requests
    if scenario.min_delay:
        assert times[1] - times[0] >= scenario.min_delay
    for headers in run.server.headers:
        assert scenario.credentials or headers["authorization"] == f"Bearer {KEY}"
    for request in requests:
        assert is_strict(request)
        check_messages(request["messages"])
    if requests:
        assert requests[0]["messages"][-1]["content"] == scenario.question
    if scenario.results is not None:
        results = [each["content"] for each in requests[-1]["messages"] if each["role"] == "tool"]
        assert len(results) == len(scenario.results)
        assert all(map(str.startswith, results, scenario.results)), results


def check_messages(messages: Sequence[dict[str, Any]]) -> None:
    """Check that every call has a unique ID, one result, and a valid name and arguments."""
    seen: list[str] = []
    for at, message in enumerate(messages):
        calls = message.get("tool_calls") or []
        assert message["role"] != "assistant" or message.get("content") or calls
        for call in calls:
            assert NAME.fullmatch(call["function"]["name"])
            arguments = json.loads(call["function"]["arguments"], parse_constant=pytest.fail)
            assert isinstance(arguments, dict)
            assert is_strict(arguments)
        ids = [call["id"] for call in calls]
        assert all(isinstance(each, str) and each for each in ids)
        results = messages[at + 1 : at + 1 + len(ids)]
        assert sorted(ids) == sorted(each.get("tool_call_id", "") for each in results)
        seen += ids
    assert len(seen) == len(set(seen)) == sum(each["role"] == "tool" for each in messages)


def is_strict(value: Any) -> bool:
    """Whether it is JSON to every parser: no infinite numbers, no lone surrogates."""
    with suppress(ValueError):  # UnicodeEncodeError is one
        return bool(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    return False


def check_standard_error(scenario: Scenario, run: Run, notices: str = "") -> None:
    """Check that an error is the last line; other announcements may be notices instead."""
    lines = run.err.splitlines()
    if run.code:
        assert lines
        error = lines.pop()
        assert error.startswith("error: ")
        assert len(error) <= MAX_ERROR
        assert all(each in error for each in fill_in_host(scenario.error, run))
    if scenario.stderr is None:
        assert lines == []
    else:
        assert all(each in "\n".join((*lines, notices)) for each in scenario.stderr)
    assert scenario.max_output is None or len(run.err) <= scenario.max_output


def assert_dim(text: str, written: str) -> None:
    """Check that reasoning does not look like an answer."""
    shown, styles, at = "", [], 0
    for sequence in (*SEQUENCES.finditer(written), None):
        plain = written[at : sequence.start() if sequence else None]
        style = ["", *STYLE.findall(written[:at])][-1]
        shown += plain
        styles += [style] * len(plain)
        at = sequence.end() if sequence else at
    assert "2" in styles[shown.index(text)].split(";")


def fill_in_host(words: Sequence[str], run: Run) -> list[str]:
    return [each.replace("{host}", run.host) for each in words]


def strip_layout(text: str) -> str:
    """Remove what a layout puts between characters."""
    return re.sub(r"[\s|│]", "", text)


def escape(text: str) -> str:
    return HARMFUL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def check_tools_that_ran(events: Sequence[dict[str, Any]]) -> None:
    """Check that tools received exactly the arguments that the model wrote, complete."""
    fragments = join_fragments(events)
    for event in events:
        if event["type"] == "tool_started" and "***" not in str(event["arguments"]):
            arguments = fragments["arguments_delta", event["call_id"], "fragment"]
            assert json.loads(arguments) == event["arguments"]


def join_fragments(events: Sequence[dict[str, Any]]) -> dict[tuple[str, str, str], str]:
    """Return all values in the events, with the fragments of each text joined."""
    pieces: dict[tuple[str, str, str], list[str]] = {}
    for event in events:
        for name, value in event.items():
            pieces.setdefault((event["type"], event.get("call_id", ""), name), []).append(
                str(value)
            )
    return {key: "".join(each) for key, each in pieces.items()}


def find_answers(events: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Return the text of the last final_answer call, and the text of the last message."""
    answer, text, call_id = "", "", None
    for event in events:
        match event["type"]:
            case "step_started":
                text = ""
            case "text_delta":
                text += event["text"]
            case "answer_delta":
                answer = event["text"] if event["call_id"] != call_id else answer + event["text"]
                call_id = event["call_id"]
    return join_surrogates(answer), join_surrogates(text)


def join_surrogates(text: str) -> str:
    """Join surrogate pairs that arrived in two fragments."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
