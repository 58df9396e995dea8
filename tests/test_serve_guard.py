"""Who may use the server, what a request may bring, and what every response says."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamchat.config import Settings, SettingsError
from streamchat.serve import patience
from streamchat.serve.limits import Limits, read_json
from streamchat.serve.metrics import Histogram, Metrics
from streamchat.serve.security import is_loopback, make_access
from streamchat.serve.serving import Serving
from tests.program import wait_until
from tests.serving import TOKEN, Served, serve

SETTINGS = Settings(model="m", base_url="http://127.0.0.1:1/v1", api_key="sk-test-0123")
PAGE = "https://chat.example.org"


def some_routes(serving: Serving) -> Sequence[Route]:
    async def echo(request: HttpRequest) -> Response:
        return JSONResponse(await read_json(request, serving.limits))

    async def fail(request: HttpRequest) -> Response:
        raise RuntimeError("a secret of the server")

    return [Route("/echo", echo, methods=["POST"]), Route("/fail", fail), Route("/health", fail)]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    limits = Limits(body=1000)
    with serve(
        settings=SETTINGS, routes=some_routes, limits=limits, names=["box"], origins=[PAGE]
    ) as running:
        yield running


def test_the_token_is_needed(served: Served) -> None:
    with served.client("") as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            refused = client.post("/echo", json=1, headers=headers)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert refused.json()["error"]["type"] == "authentication_error"
        assert client.post("/echo?token=wrong", json=1).status_code == 401
        assert client.post("/echo?token=\xe9", json=1).status_code == 401


def test_it_comes_as_bearer_or_in_the_query(served: Served) -> None:
    with served.client("") as client:
        bearer = {"Authorization": f"bearer  {TOKEN}"}
        assert client.post("/echo", json=1, headers=bearer).json() == 1
        assert client.post(f"/echo?token={TOKEN}", json=1).json() == 1


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.io"])
def test_other_names_are_not_this_server_s(served: Served, host: str) -> None:
    with served.client() as client:
        refused = client.post("/echo", json=1, headers={"Host": host})
        assert refused.status_code == 403
        assert "Host" in refused.json()["error"]["message"]


@pytest.mark.parametrize("host", ["localhost:1234", "127.0.0.1", "[::1]:80", "BOX", "192.168.0.7"])
def test_addresses_loopback_and_given_names_are(served: Served, host: str) -> None:
    with served.client() as client:
        assert client.post("/echo", json=1, headers={"Host": host}).json() == 1


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "x", "http://["]
)
def test_pages_of_others_may_not_use_it(served: Served, origin: str) -> None:
    with served.client() as client:
        refused = client.post("/echo", json=1, headers={"Origin": origin})
        assert refused.status_code == 403
        assert "Access-Control-Allow-Origin" not in refused.headers


def test_its_own_page_and_named_ones_may(served: Served) -> None:
    with served.client() as client:
        assert client.post("/echo", json=1, headers={"Origin": served.url}).json() == 1
        named = client.post("/echo", json=1, headers={"Origin": PAGE})
        assert named.json() == 1
        assert named.headers["Access-Control-Allow-Origin"] == PAGE
        assert named.headers["Vary"] == "Origin"


def test_browsers_may_ask_first_for_named_pages_alone(served: Served) -> None:
    with served.client("") as client:
        ask = {"Access-Control-Request-Method": "POST"}
        allowed = client.options("/echo", headers=ask | {"Origin": PAGE})
        assert allowed.status_code == 204
        assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
        assert client.options("/echo", headers=ask | {"Origin": "https://x"}).status_code == 403
        assert client.options("/echo", headers=ask).status_code == 401


def test_every_response_is_kept_from_caches_and_other_pages(served: Served) -> None:
    with served.client() as client:
        for response in (client.post("/echo", json=1), client.get("/no"), client.get("/fail")):
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["Cache-Control"] == "no-store"
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]
            assert "server" not in response.headers


def test_what_does_not_exist_says_so_in_the_same_form(served: Served) -> None:
    with served.client() as client:
        assert client.get("/no").json() == {
            "error": {
                "message": "not found; streamchat help serve lists the endpoints",
                "type": "not_found_error",
            }
        }
        refused = client.get("/echo")
        assert refused.status_code == 405
        assert refused.json()["error"]["message"] == "method not allowed; allowed: POST"


def test_a_fault_of_the_server_is_logged_and_not_told(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with served.client() as client:
        failed = client.get(f"/fail?token={TOKEN}")
    assert failed.status_code == 500
    assert "secret" not in failed.text
    # The client may have its answer before the server has written the log.
    wait_until(lambda: "a secret of the server" in caplog.text)
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (413, "application/json", b'"' + b"x" * 1000 + b'"'),
        (415, "text/plain", b"1"),
        (415, "", b"1"),
        (400, "application/json", b"{"),
        (400, "application/json", b"\xff"),
        (400, "application/json", b"[" * 900),
        (400, "application/json", b"[NaN]"),
        (400, "application/json", b"[-Infinity]"),
        (400, "application/json", b"[1e999]"),
    ],
)
def test_bodies_that_are_refused(served: Served, status: int, kind: str, body: bytes) -> None:
    with served.client() as client:
        refused = client.post("/echo", content=body, headers={"Content-Type": kind})
        assert refused.status_code == status
        assert refused.json()["error"]["type"] == "invalid_request_error"


def test_a_body_without_a_length_is_limited_too(served: Served) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [b"1" * 300] * 10

    with served.client(**{"Content-Type": "application/json"}) as client:
        assert client.post("/echo", content=pieces()).status_code == 413


def test_a_body_that_does_not_come_is_not_awaited_for_long() -> None:
    head = (
        f"POST /echo?token={TOKEN} HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n1"
    )
    # The others have all the time that a busy machine takes to send theirs.
    with serve(settings=SETTINGS, routes=some_routes, limits=Limits(body_seconds=0.3)) as served:
        assert b" 408 " in talk(served, head)


def test_neither_is_the_head_of_a_request(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEADER_SECONDS", 0.2)
    assert talk(served, "GET /health HTTP/1.1\r\nHost: local") == b""
    assert talk(served, "") == b""


def talk(served: Served, request: str) -> bytes:
    """Send this, and return what comes until the server closes the connection."""
    received = b""
    connection = socket.create_connection(("127.0.0.1", served.port), 60)
    # A server that closes before it has all of the request resets the connection.
    with connection as client, suppress(ConnectionError):
        client.sendall(request.encode())
        while piece := client.recv(4096):
            received += piece
    return received


def test_tokens_are_random_unless_chosen() -> None:
    one, other = (make_access(None, "localhost", (), ()).token for _ in range(2))
    assert one != other
    assert len(one) >= 32
    for token in ("short", "with space", "", "ünïcödëd"):
        with pytest.raises(SettingsError, match="--token"):
            make_access(token, "localhost", (), ())
    for name in ("http://box", "box:8800", "a b", ""):
        with pytest.raises(SettingsError, match="--allow-host"):
            make_access(None, "localhost", [name], ())
    with pytest.raises(SettingsError, match="--cors-origin"):
        make_access(None, "localhost", (), ["*"])


def test_loopback_is_told_from_the_world() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.7", "box", "")))


def test_the_server_tells_how_it_is() -> None:
    with serve(settings=SETTINGS) as served, served.client("") as client:
        health = client.get("/health")
        assert health.json()["status"] == "ok"
        assert health.json()["model"] == "m"
        assert client.get("/metrics").status_code == 401
        metrics = client.get(f"/metrics?token={TOKEN}")
        assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "streamchat_runs_running 0\n" in metrics.text


def test_what_has_happened_is_counted() -> None:
    metrics = Metrics()
    metrics.start()
    metrics.start()
    metrics.finish("done", 1.5)
    metrics.first_token.observe(0.3)
    lines = metrics.write().splitlines()
    assert "streamchat_runs_started_total 2" in lines
    assert "streamchat_runs_running 1" in lines
    assert 'streamchat_runs_finished_total{outcome="done"} 1' in lines
    assert 'streamchat_first_token_seconds_bucket{le="0.25"} 0' in lines
    assert 'streamchat_first_token_seconds_bucket{le="0.5"} 1' in lines
    assert 'streamchat_run_seconds_bucket{le="+Inf"} 1' in lines
    assert "streamchat_run_seconds_sum 1.5" in lines


def test_a_histogram_s_buckets_contain_the_smaller_ones() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)
    assert list(histogram.write("h")) == [
        'h_bucket{le="1.0"} 2',
        'h_bucket{le="2.0"} 3',
        'h_bucket{le="+Inf"} 4',
        "h_sum 12",
        "h_count 4",
    ]


def test_a_histogram_counts_small_values_on_top_of_large_ones() -> None:
    histogram = Histogram((1.0,))
    for value in (2_000_000.0, 0.25):
        histogram.observe(value)
    assert "h_sum 2000000.25" in list(histogram.write("h"))
