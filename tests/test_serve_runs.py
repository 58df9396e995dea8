"""Runs that are served: streamed as they come, within limits, and ended when nobody listens."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence

import httpx2
import pytest
from httpx_sse import connect_sse
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamchat.agent.source import Request
from streamchat.events import to_dict
from streamchat.serve.frames import format_sse
from streamchat.serve.limits import Limits, read_json
from streamchat.serve.serving import Serving
from streamchat.serve.streaming import EventStream, finish
from tests.program import wait_until
from tests.server import NEVER, Pause, Server, Until, answers, calls, delta, fails, says
from tests.serving import TOKEN, Served, serve


def ask_routes(serving: Serving) -> Sequence[Route]:
    """Endpoints that answer a question with streamchat's own events, or with the last of them."""

    async def stream(request: HttpRequest) -> Response:
        asked = await read_json(request, serving.limits)

        async def frames() -> AsyncGenerator[bytes, None]:
            async with serving.runs.open(Request(asked["question"])) as run:
                async for event in run:
                    yield format_sse(json.dumps(to_dict(event)).encode())

        return EventStream(frames())

    async def whole(request: HttpRequest) -> Response:
        asked = await read_json(request, serving.limits)

        async def answer() -> dict[str, object]:
            async with serving.runs.open(Request(asked["question"])) as run:
                events = [to_dict(event) async for event in run]
            return events[-1]

        return JSONResponse(await finish(request, answer()))

    return [Route("/ask", stream, methods=["POST"]), Route("/whole", whole, methods=["POST"])]


@pytest.fixture(scope="module")
def model() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def served(model: Server) -> Iterator[Served]:
    with serve(model, routes=ask_routes, max_runs=2) as running:
        yield running


@pytest.fixture(autouse=True)
def forget(model: Server) -> None:
    model.requests.clear()
    model.disconnected.clear()


def ask(served: Served, question: str = "Hi") -> list[dict[str, object]]:
    with (
        served.client() as client,
        connect_sse(client, "POST", "/ask", json={"question": question}) as stream,  # type: ignore[arg-type]
    ):
        return [json.loads(event.data) for event in stream.iter_sse()]


def wait_until_idle(served: Served) -> None:
    wait_until(lambda: not served.serving.metrics.running, 60)


def test_every_event_is_a_message_of_its_own(served: Served, model: Server) -> None:
    fragments = [f'{{"x": {"1" * 30}, "y": ', "2", "}"]
    model.script(calls("add", fragments), says("Much."))
    events = ask(served)
    written = [each["fragment"] for each in events if each["type"] == "arguments_delta"]
    assert written == fragments
    assert events[0]["type"] == "turn_started"
    assert events[-1]["answer"] == "Much."
    wait_until_idle(served)


def test_fragments_are_sent_when_they_come(served: Served, model: Server) -> None:
    seen = threading.Event()
    model.script(says("one").but(parts=(delta(content="one"), Until(seen), delta(content=" two"))))
    with (
        served.client() as client,
        connect_sse(client, "POST", "/ask", json={"question": "Hi"}) as stream,  # type: ignore[arg-type]
    ):
        for event in stream.iter_sse():
            if "one" in event.data:
                seen.set()
    assert json.loads(event.data)["answer"] == "one two"


def test_a_client_that_leaves_ends_its_run_at_once(served: Served, model: Server) -> None:
    model.script(says("one").but(parts=(delta(content="one"), NEVER)))
    with served.client() as client, client.stream("POST", "/ask", json={"question": "Hi"}) as reply:
        for line in reply.iter_lines():
            if "one" in line:
                break
    assert model.disconnected.wait(60), "the model's socket is still open"
    wait_until_idle(served)


def test_so_does_one_that_waits_for_the_whole(served: Served, model: Server) -> None:
    model.script(says("one").but(parts=(delta(content="one"), NEVER)))
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(encode("/whole", b'{"question": "Hi"}'))
        wait_until(lambda: model.requests, 60)
    assert model.disconnected.wait(60)
    wait_until_idle(served)


def test_more_runs_than_allowed_are_refused(served: Served, model: Server) -> None:
    go = threading.Event()
    slow = says("one").but(parts=(delta(content="one"), Until(go)))
    model.script(slow, slow)
    replies: list[list[dict[str, object]]] = []
    threads = [threading.Thread(target=lambda: replies.append(ask(served))) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(model.requests) == 2, 60)
    with served.client() as client:
        for path in ("/ask", "/whole"):
            refused = client.post(path, json={"question": "Hi"})
            assert refused.status_code == 429
            assert int(refused.headers["Retry-After"]) > 0
            assert refused.json()["error"]["type"] == "rate_limit_error"
    go.set()
    for thread in threads:
        thread.join()
    assert [each[-1]["type"] for each in replies] == ["turn_done", "turn_done"]


def test_a_slow_reader_holds_up_its_own_model_only(served: Served, model: Server) -> None:
    model.script(says(*["x" * 40_000] * 5000), says("quick"))  # 200 MB
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(encode("/ask", b'{"question": "Hi"}'))
        client.recv(100)
        run = next(iter(served.serving.runs.running)).run
        wait_until(lambda: not run._streamer.has_room, 60)  # type: ignore[attr-defined]
        assert ask(served)[-1]["answer"] == "quick"
        assert not model.disconnected.is_set()
    assert model.disconnected.wait(60)
    wait_until_idle(served)


def test_a_failing_model_ends_the_stream_properly(served: Served, model: Server) -> None:
    model.script(fails(401, "no such key sk-test-0123"))
    *_, last = ask(served)
    assert last["type"] == "turn_failed"
    assert "sk-test-0123" not in json.dumps(last)


def test_the_whole_answer_comes_at_once(served: Served, model: Server) -> None:
    model.script(answers("Yes."))
    with served.client() as client:
        assert client.post("/whole", json={"question": "Hi"}).json()["answer"] == "Yes."


def test_a_run_that_takes_too_long_is_ended(model: Server) -> None:
    model.script(says("one").but(parts=(delta(content="one"), NEVER)))
    with serve(model, routes=ask_routes, limits=Limits(seconds=0.3)) as served:
        events = ask(served)
    assert events[-1]["type"] == "turn_failed"
    assert events[-1]["error"] == "the run took longer than 0.3 s"


def test_runs_may_end_when_the_server_stops(model: Server) -> None:
    go = threading.Event()
    parts = delta(content="one"), Until(go), Pause(0.2), delta(content=" two")
    model.script(says("one").but(parts=parts))
    with serve(model, routes=ask_routes, grace=60) as served:
        events = ask_and_then(served, served.stop, go.set)
        assert events[-1]["answer"] == "one two"
        served.wait()
        with pytest.raises(httpx2.ConnectError), served.client() as client:
            client.get("/health")


def test_those_that_do_not_are_ended_and_told_so(model: Server) -> None:
    model.script(says("one").but(parts=(delta(content="one"), NEVER)))
    with serve(model, routes=ask_routes, grace=0.1) as served:
        events = ask_and_then(served, served.stop)
        assert events[-1]["error"] == "the server is shutting down"
        assert model.disconnected.wait(60)


def ask_and_then(served: Served, *acts: object) -> list[dict[str, object]]:
    """Ask, and do these things once the first token is there."""
    events = []
    with (
        served.client() as client,
        connect_sse(client, "POST", "/ask", json={"question": "Hi"}) as stream,  # type: ignore[arg-type]
    ):
        for event in stream.iter_sse():
            events.append(json.loads(event.data))
            if "one" in event.data and acts:
                for act in acts:
                    act()  # type: ignore[operator]
                acts = ()
    return events


def encode(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
