"""`POST /agent` and `GET /ws`, read by clients that know nothing of streamchat."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import aconnect_sse
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from streamchat.agent.executor_source import ExecutorSource
from streamchat.agent.source import Request
from streamchat.process.interrupts import InterruptHandler
from streamchat.serve.limits import Limits
from streamchat.sessions.turns import run_turn
from streamchat.view.jsonl import JsonView
from tests.agents import close_agents
from tests.agui import (
    TOKEN,
    check,
    custom,
    fragments,
    make_input,
    pick,
    serve,
    texts,
    user,
)
from tests.plays import forget_clients
from tests.server import (
    NEVER,
    Reply,
    Server,
    answers,
    call_delta,
    calls,
    delta,
    fails,
    notebook,
    says,
    wait_for_request,
)
from tests.targets import keep_imports, loaded, write
from tests.test_postponed import RAN, WEATHER, open_source

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
STUCK = Reply((delta(content="one "), NEVER))
ASK = make_input(user("What is 10 + 10"))


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    RAN.clear()
    yield
    await close_agents()


async def post(address: str, input: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of a run."""
    async with (
        httpx.AsyncClient(headers=HEADERS) as client,
        aconnect_sse(client, "POST", f"http://{address}/agent", json=input) as source,
    ):
        source.response.raise_for_status()
        return check([json.loads(each.data) async for each in source.aiter_sse()])


async def refuse(address: str, input: Any, **options: Any) -> tuple[int, str]:
    """Return status and message of a request that is refused."""
    async with httpx.AsyncClient(headers=HEADERS) as client:
        response = await client.post(f"http://{address}/agent", json=input, **options)
        return response.status_code, response.json()["error"]["message"]


async def test_a_run_is_a_stream_of_events(server: Server) -> None:
    server.script(*notebook())
    async with serve(open_source(server)) as address:
        seen = await post(address, ASK)
    assert fragments(seen) == {"call_add": ['{"', "x", '":', "10", ',"', "y", '":', "10", "}"]}
    assert [each["content"] for each in pick(seen, "TOOL_CALL_RESULT")] == ["20"]
    assert texts(seen) == ["10 + 10 equals 20."]
    assert seen[-1]["result"]["toolsUsed"] == ["functions.add"]


async def test_curl_sees_the_fragments_that_the_program_shows(server: Server) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not there")
    server.script(*notebook(), *notebook())
    source = open_source(server)
    async with serve(source) as address:
        command = ["curl", "-sN", f"http://{address}/agent?token={TOKEN}"]
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(ASK)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
    frames = output.decode().split("\n\n")[:-1]
    seen = check(json.loads(frame.removeprefix("data: ")) for frame in frames)
    shown = await show_as_json(source)
    arguments = [each for each in shown if each["type"] == "arguments_delta"]
    assert fragments(seen) == {
        "call_add": [each["fragment"] for each in arguments if each["call_id"] == "call_add"]
    }
    pieces = [each["delta"] for each in pick(seen, "TEXT_MESSAGE_CONTENT")]
    assert pieces == [each["text"] for each in shown if each["type"] == "answer_delta"]


async def show_as_json(source: ExecutorSource) -> list[dict[str, Any]]:
    """Return what `--json` prints of the same question."""
    output = StringIO()
    await run_turn(source, Request("What is 10 + 10"), JsonView(output), InterruptHandler())
    return [json.loads(line) for line in output.getvalue().splitlines()]


async def test_the_history_and_the_instructions_are_sent_on(server: Server) -> None:
    server.script(says("20."))
    earlier = [user("Hi"), {"role": "assistant", "content": "Hello!"}]
    system = {"role": "system", "content": "Be brief."}
    async with serve(open_source(server)) as address:
        await post(address, make_input(system, *earlier, user("What is 10 + 10")))
    instructions, *messages = server.requests[-1]["messages"]
    assert instructions["content"].endswith("Be brief.")
    assert [each["content"] for each in messages] == ["Hi", "Hello!", "What is 10 + 10"]


async def test_a_call_is_approved_in_the_next_run(server: Server) -> None:
    server.script(calls("delete", path="a"), says("It is gone."))
    ask = make_input(user("Delete a"), protocolVersion="1.0")
    async with serve(open_source(server)) as address:
        first = await post(address, ask)
        [interrupt] = first[-1]["outcome"]["interrupts"]
        assert not RAN
        async with httpx.AsyncClient(headers=HEADERS) as client:
            metrics = (await client.get(f"http://{address}/metrics")).text
        assert 'finished_total{outcome="paused"} 1' in metrics
        approval = {"interruptId": interrupt["id"], "status": "resolved"}
        again = make_input(*ask["messages"], *replay(first), protocolVersion="1.0")
        status, error = await refuse(address, again)
        assert (status, error) == (
            *(400, "messages: delete (call_delete) waits for approval: answer it in resume"),
        )
        again["resume"] = [{**approval, "payload": {"approved": True}}]
        second = await post(address, again)
    assert RAN == ["a"]
    assert not pick(second, "TOOL_CALL_START")
    [result] = pick(second, "TOOL_CALL_RESULT")
    assert (result["toolCallId"], result["content"]) == ("call_delete", "a is gone")
    assert custom(second)["streamchat.approval"]["approved"]
    assert texts(second) == ["It is gone."]


def replay(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages that a client makes of a run's calls."""
    listed: list[dict[str, Any]] = []
    kept = {
        each["entityId"]: each["encryptedValue"]
        for each in pick(events, "REASONING_ENCRYPTED_VALUE")
    }
    for start in pick(events, "TOOL_CALL_START"):
        id, arguments = start["toolCallId"], "".join(fragments(events)[start["toolCallId"]])
        function = {"name": start["toolCallName"], "arguments": arguments}
        call = {"id": id, "type": "function", "function": function}
        listed.append({**call, "encryptedValue": kept[id]} if id in kept else call)
    results = [
        {"role": "tool", "toolCallId": each["toolCallId"], "content": each["content"]}
        for each in pick(events, "TOOL_CALL_RESULT")
    ]
    return [{"role": "assistant", "toolCalls": listed}, *results]


async def test_what_a_provider_wants_back_travels_with_the_client(server: Server) -> None:
    signed = call_delta(id="c1", name="delete", arguments='{"path": "a"}')
    signed["choices"][0]["delta"]["tool_calls"][0]["extra_content"] = {"signature": "xyz"}
    message = Reply((delta(reasoning_content="Hm"), signed), finish_reason="tool_calls")
    server.script(message, says("It is gone."))
    ask = make_input(user("Delete a"), protocolVersion="1.0")
    async with serve(open_source(server)) as address:
        first = await post(address, ask)
        entry = {"interruptId": "c1", "status": "resolved", "payload": {"approved": True}}
        await post(address, make_input(*ask["messages"], *replay(first), resume=[entry]))
    called = server.requests[-1]["messages"][-2]
    assert called["reasoning_content"] == "Hm"
    assert called["tool_calls"][0]["extra_content"] == {"signature": "xyz"}


async def test_a_client_that_cannot_answer_is_not_asked(server: Server) -> None:
    server.script(calls("delete", path="a"), says("I may not."))
    async with serve(open_source(server)) as address:
        seen = await post(address, ASK)
    assert not RAN
    [result] = pick(seen, "TOOL_CALL_RESULT")
    assert result["content"] == "not run: nobody can be asked to approve it"
    assert result["metadata"]["streamchat"]["failed"]
    assert seen[-1]["outcome"]["type"] == "success"


async def test_a_client_runs_its_own_tool(server: Server) -> None:
    server.script(calls("weather", city="Rome"), says("Sunny."))
    tool = {"name": WEATHER.name, "description": "", "parameters": dict(WEATHER.parameters)}
    async with serve(open_source(server)) as address:
        ask = make_input(user("And Rome?"), tools=[tool])
        first = await post(address, ask)
        assert first[-1]["outcome"] == {
            "type": "success",
            "pendingToolCallIds": ["call_weather"],
        }
        result = {"role": "tool", "toolCallId": "call_weather", "content": "sun"}
        again = make_input(*ask["messages"], *replay(first), result, tools=[tool])
        second = await post(address, again)
    assert texts(second) == ["Sunny."]
    assert server.requests[-1]["messages"][-1]["content"] == "sun"


async def test_a_failing_model_ends_the_run_with_its_error(server: Server) -> None:
    server.script(fails(400, "no such thing"))
    async with serve(open_source(server)) as address:
        seen = await post(address, ASK)
    assert seen[-1]["type"] == "RUN_ERROR"
    assert "no such thing" in seen[-1]["message"]


async def test_what_is_wrong_is_said_before_the_stream(server: Server) -> None:
    limits = Limits(message=20, messages=3)
    async with serve(open_source(server), limits=limits) as address:
        assert await refuse(address, {}) == (400, "threadId: Field required")
        assert (await refuse(address, make_input(user("x" * 21))))[0] == 413
        assert (await refuse(address, make_input(*[user("x")] * 4)))[0] == 413
        wrong = {"Content-Type": "text/plain"}
        assert (await refuse(address, ASK, headers=wrong))[0] == 415
        assert not server.requests


async def test_a_client_that_leaves_cancels_its_run(server: Server) -> None:
    server.script(STUCK)
    source = open_source(server)
    async with serve(source, max_runs=1) as address:
        async with (
            httpx.AsyncClient(headers=HEADERS) as client,
            aconnect_sse(client, "POST", f"http://{address}/agent", json=ASK) as stream,
        ):
            async for each in stream.aiter_sse():
                if "one" in each.data:
                    break
            status, _ = await refuse(address, ASK)
            assert status == 429
        await asyncio.to_thread(server.disconnected.wait, 300)
        server.script(says("two"))
        assert texts(await post(address, ASK)) == ["two"]


async def converse(socket: ClientConnection, input: Any) -> list[dict[str, Any]]:
    await socket.send(input if isinstance(input, str) else json.dumps(input))
    return check(await read_run(socket))


async def read_run(socket: ClientConnection) -> list[dict[str, Any]]:
    """Return the events that arrive up to the run's last."""
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["type"] not in ("RUN_FINISHED", "RUN_ERROR"):
        seen.append(json.loads(await socket.recv()))
    return seen


def join(address: str) -> connect:
    return connect(f"ws://{address}/ws?token={TOKEN}")


async def test_a_socket_has_several_runs(server: Server) -> None:
    server.script(*notebook(), answers("It is 40."))
    async with serve(open_source(server)) as address, join(address) as socket:
        first = await converse(socket, ASK)
        assert len(fragments(first)["call_add"]) == 9
        second = await converse(socket, ASK)
        assert texts(second) == ["It is 40."]


async def test_a_message_cancels_the_run_of_a_socket(server: Server) -> None:
    server.script(STUCK, says("two"))
    async with serve(open_source(server)) as address, join(address) as socket:
        await socket.send(json.dumps(ASK))
        seen: list[dict[str, Any]] = []
        while not texts(seen):
            seen.append(json.loads(await socket.recv()))
        await socket.send('{"type": "cancel"}')
        seen = check([*seen, *await read_run(socket)])
        assert seen[-1]["outcome"] == {"type": "cancelled"}
        await socket.send('{"type": "cancel"}')  # too late, and harmless
        assert texts(await converse(socket, ASK)) == ["two"]


async def test_a_run_is_cancelled_before_it_begins(server: Server) -> None:
    server.script(STUCK)
    async with serve(open_source(server)) as address, join(address) as socket:
        await socket.send(json.dumps(ASK))
        await socket.send('{"type": "cancel"}')
        seen = check(await read_run(socket))
        assert seen[-1]["outcome"] == {"type": "cancelled"}


async def test_a_socket_reads_binary_messages(server: Server) -> None:
    server.script(says("one"))
    async with serve(open_source(server)) as address, join(address) as socket:
        await socket.send(json.dumps(ASK).encode())
        assert texts(check(await read_run(socket))) == ["one"]


async def test_a_path_with_a_slash_is_another_one(server: Server) -> None:
    """A redirect would repeat the token."""
    async with serve(open_source(server)) as address, httpx.AsyncClient() as client:
        answer = await client.post(f"http://{address}/agent/?token={TOKEN}", json=ASK)
        assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def test_who_asks_the_socket_by_http_is_told(server: Server) -> None:
    async with serve(open_source(server)) as address, httpx.AsyncClient(headers=HEADERS) as client:
        answer = await client.get(f"http://{address}/ws")
        assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
        assert "WebSocket" in answer.json()["error"]["message"]


async def test_a_socket_that_closes_cancels_its_run(server: Server) -> None:
    server.script(STUCK)
    async with serve(open_source(server)) as address:
        async with join(address) as socket:
            await socket.send(json.dumps(ASK))
            while "one" not in str(await socket.recv()):
                pass
        await asyncio.to_thread(server.disconnected.wait, 300)


async def test_a_socket_is_told_what_is_wrong(server: Server) -> None:
    server.script(STUCK)
    async with serve(open_source(server), max_runs=1) as address, join(address) as socket:
        for wrong in ("{", "[]", json.dumps({**ASK, "messages": []})):
            await socket.send(wrong)
            [error] = await read_run(socket)
            assert error["code"] == "invalid_request_error"
            assert "RunAgentInput" not in error["message"]
        await socket.send(json.dumps(ASK))
        await asyncio.to_thread(wait_for_request, server)
        async with join(address) as other:
            await other.send(json.dumps(ASK))
            [error] = await read_run(other)
            assert error["code"] == "rate_limit_error"


async def test_a_socket_that_sends_too_many_inputs_is_closed(server: Server) -> None:
    server.script(STUCK)
    async with serve(open_source(server)) as address, join(address) as socket:
        for _ in range(20):
            await socket.send(json.dumps(ASK))
        with pytest.raises(ConnectionClosedError, match="too many inputs"):
            await read_run(socket)


GRAPH = """
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver

def delete(path: str) -> str:
    "Delete a file."
    return f"{path} is gone"

async def agent():
    model = ChatOpenAI(model="m", base_url="URL", api_key="sk")
    careful = HumanInTheLoopMiddleware({"delete": True})
    yield create_agent(model, [delete], middleware=[careful], checkpointer=InMemorySaver())
    await model.root_async_client.close()
    model.root_client.close()
"""


async def test_a_graphs_question_is_answered_in_the_next_run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine.py", GRAPH.replace("URL", server.url))
    server.script(calls("delete", path="a"), says("It is gone."), says("Bye."))
    with keep_imports():
        async with loaded("mine.py:agent") as source, serve(source) as address:
            ask = make_input(user("Delete a"), protocolVersion="1.0")
            first = await post(address, ask)
            [interrupt] = first[-1]["outcome"]["interrupts"]
            assert interrupt["toolCallId"] == "call_delete"
            payload = {"approved": True}
            entry = {"interruptId": interrupt["id"], "status": "resolved", "payload": payload}
            messages = [*ask["messages"], *replay(first)]
            second = await post(address, make_input(*messages, resume=[entry]))
            assert not pick(second, "TOOL_CALL_START")
            results = pick(second, "TOOL_CALL_RESULT")
            assert [each["content"] for each in results] == ["a is gone"]
            assert texts(second) == ["It is gone."]
            messages += [*replay(second), {"role": "assistant", "content": "It is gone."}]
            third = await post(address, make_input(*messages, user("Thanks")))
            assert texts(third) == ["Bye."]
            assert not pick(third, "CUSTOM")
    forget_clients()
    assert len(server.requests[-1]["messages"]) == 5  # the graph's own memory


async def test_a_graph_takes_no_tools_of_the_client_and_that_is_said(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine.py", GRAPH.replace("URL", server.url))
    server.script(calls("delete", path="a"), says("Hello."))
    tools = [{"name": name, "description": "", "parameters": {}} for name in ("delete", "map\n")]
    words = "the agent calls only its own tools, and none of the client's: delete, map"
    with keep_imports():
        async with loaded("mine.py:agent") as source, serve(source) as address:
            ask = make_input(user("Delete a"), protocolVersion="1.0", tools=tools)
            first = await post(address, ask)
            assert first[0]["type"] == "RUN_STARTED"
            assert custom(first)["streamchat.notice"]["text"] == words
            assert first[-1]["outcome"]["type"] == "interrupt"  # the graph's own tool
            other = make_input(user("Hi"), threadId="u", tools=tools)
            assert custom(await post(address, other))["streamchat.notice"]["text"] == words
    forget_clients()
    logged = [each.getMessage() for each in caplog.records if each.name == "streamchat.serve"]
    assert logged == [words]
