"""LangSmith tracing: only on request, and never in the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.program import run
from tests.server import Server, notebook
from tests.test_models import serve_silence


class Collector(ThreadingHTTPServer):
    """Accepts whatever LangSmith's client sends, and keeps it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Collect)
        self.received: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Collect(BaseHTTPRequestHandler):
    server: Collector

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        if length := int(self.headers.get("Content-Length", 0)):
            self.server.received.append(self.rfile.read(length))
        else:  # it comes in chunks
            while size := int(self.rfile.readline(), 16):
                self.server.received.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        self._reply()

    def do_PATCH(self) -> None:
        self.do_POST()

    def _reply(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def ask(home: Path, server: Server, endpoint: str, *flags: str) -> None:
    server.script(*notebook())
    done = run(
        home,
        "ask",
        "What is 10 + 10",
        *flags,
        fresh=True,  # the first request for a variable decides for the whole process
        LANGSMITH_TRACING="true",
        LANGCHAIN_TRACING_V2="true",
        LANGSMITH_API_KEY="ls-1",
        LANGSMITH_ENDPOINT=endpoint,
        OPENAI_BASE_URL=server.url,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("10 + 10 equals 20.\n", "", 0)


def test_nothing_is_traced_by_default(server: Server, collector: Collector, tmp_path: Path) -> None:
    ask(tmp_path, server, collector.url)
    assert collector.received == []


def test_runs_are_traced_on_request(server: Server, collector: Collector, tmp_path: Path) -> None:
    ask(tmp_path, server, collector.url, "--trace")
    assert sum(map(len, collector.received)) > 100


@pytest.mark.parametrize("flags", [[], ["--trace"]])
def test_a_dead_endpoint_neither_delays_nor_spoils_the_answer(
    server: Server, tmp_path: Path, flags: list[str]
) -> None:
    with serve_silence() as url:
        started = time.monotonic()
        ask(tmp_path, server, url, *flags)
        assert time.monotonic() - started < 60
