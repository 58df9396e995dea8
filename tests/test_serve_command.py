"""`streamchat serve` as a program: what it says, which signals end it, and how."""

from __future__ import annotations

import re
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from streamchat.cli.serve import _check_installed
from streamchat.config import SettingsError
from streamchat.serve.listening import introduce
from streamchat.serve.options import ServeOptions
from streamchat.serve.security import make_access
from tests.program import Process, run, start
from tests.server import NEVER, Server, Until, delta, says

QUESTION = {"stream": True, "messages": [{"role": "user", "content": "Hi"}]}


def begin(home: Path, server: Server, *options: str) -> tuple[Process, httpx2.Client]:
    """Start to serve, and return a client once the URL is printed."""
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-test-0123"}
    process = start(home, "serve", "--port", "0", *options, **variables)
    assert process.stderr
    while not (found := re.search(r"(http://\S+)/\?token=(\S+)", read_line(process))):
        pass
    bearer = {"Authorization": f"Bearer {found[2]}"}
    return process, httpx2.Client(base_url=found[1], headers=bearer, timeout=60)


def read_line(process: Process) -> str:
    assert process.stderr
    line = process.stderr.readline()
    assert line, "the server has ended"
    return line.decode()


def test_a_signal_lets_the_runs_of_all_workers_end(server: Server, tmp_path: Path) -> None:
    go = threading.Event()
    parts = delta(content="one"), Until(go), delta(content=" two")
    server.script(says("").but(parts=parts), says("").but(parts=(delta(content="one"), NEVER)))
    process, client = begin(tmp_path, server, "--grace", "5", "--workers", "2")
    with process, client, client.stream("POST", "/v1/chat/completions", json=QUESTION) as ending:
        wait_for(ending, "one")
        with client.stream("POST", "/v1/chat/completions", json=QUESTION) as endless:
            wait_for(endless, "one")
            process.terminate()
            go.set()
            assert " two" in "".join(ending.iter_text())
            assert "the server is shutting down" in "".join(endless.iter_text())
        assert process.wait() == 128 + signal.SIGTERM
    assert server.disconnected.wait(60)


def wait_for(response: httpx2.Response, text: str) -> None:
    """Wait for text in a stream, of which the rest can be read later."""
    pieces = response.iter_text()
    received = ""
    while text not in received:
        received += next(pieces)
    response.iter_text = lambda: pieces  # type: ignore[method-assign,assignment]


def wait_until_refused(client: httpx2.Client) -> None:
    """Wait until nobody listens any more; a connection that came just before is lost."""
    with suppress(httpx2.ConnectError):
        while True:
            with suppress(httpx2.ReadError, httpx2.ReadTimeout, httpx2.RemoteProtocolError):
                httpx2.get(f"{client.base_url}/health")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_second_signal_ends_it_at_once(workers: str, server: Server, tmp_path: Path) -> None:
    server.script(says("").but(parts=(delta(content="one"), NEVER)))
    process, client = begin(tmp_path, server, "--grace", "600", "--workers", workers)
    with process, client, client.stream("POST", "/v1/chat/completions", json=QUESTION) as endless:
        wait_for(endless, "one")
        process.send_signal(signal.SIGINT)
        wait_until_refused(client)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait() == 128 + signal.SIGINT


def test_what_cannot_be_served_is_said_in_one_line(server: Server, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        failed = run(tmp_path, "serve", "--base-url", server.url, "--port", port)
    assert failed.returncode == 1
    assert failed.stderr == (
        f"error: cannot listen on 127.0.0.1, port {port}: Address already in use (--host, --port)\n"
    )
    assert not failed.stdout
    wrong = run(tmp_path, "serve", STREAMCHAT_SERVE_TOKEN="short")
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert "--token must be 8 or more" in wrong.stderr


def test_an_agent_that_no_worker_can_load_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise ValueError('no such thing')\n")
    options = ("--agent", "mine.py:agent", "--workers", "2", "--port", "0")
    failed = run(tmp_path, "serve", *options, cwd=tmp_path)
    assert failed.returncode == 1
    url, error = failed.stderr.splitlines()
    assert url.startswith("http://127.0.0.1:")
    assert error == "error: mine.py cannot be imported: ValueError: no such thing (mine.py:1)"


def test_the_world_is_warned_of() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        access = make_access("12345678", "127.0.0.1", (), ())
        options = ServeOptions("127.0.0.1", 0, access, max_runs=1, grace=1)
        assert introduce(options, listener, "m") == [
            f"http://127.0.0.1:{port}/?token=12345678 (m; Ctrl-C stops it)"
        ]
        everywhere = ServeOptions("0.0.0.0", 0, access, max_runs=1, grace=1)
        first, warning = introduce(everywhere, listener, "m")
    assert socket.gethostname() in first
    assert warning.startswith("warning: other machines can reach this server")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamchat.cli.serve.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=re.escape("pip install 'streamchat[serve]'")):
        _check_installed()
