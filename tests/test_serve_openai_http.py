"""The agent as an OpenAI-compatible model, asked by clients that others wrote."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from streamchat.config import Settings
from streamchat.serve.limits import Limits
from tests.peers import find_program
from tests.program import run
from tests.server import (
    NEVER,
    Hangup,
    Reply,
    Server,
    answers,
    calls,
    delta,
    notebook,
    says,
    wait_for_request,
)
from tests.serving import TOKEN, serve

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is 10 + 10"}]


@contextmanager
def serving(server: Server, **options: Any) -> Iterator[str]:
    """Serve the agent with the scripted server's model, and yield the base URL."""
    with serve(server, **options) as served:
        yield f"{served.url}/v1"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    with serving(server) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key=TOKEN, max_retries=0) as client:
        yield client


def test_openai_lists_the_agent_and_the_agent_with_its_steps(client: openai.OpenAI) -> None:
    assert [each.id for each in client.models.list()] == ["m", "m:steps"]


def test_openai_reads_the_stream(server: Server, client: openai.OpenAI) -> None:
    server.script(*notebook())
    usage: Any = {"include_usage": True}
    stream = client.chat.completions.create(
        model="any", messages=ASKED, stream=True, stream_options=usage
    )
    chunks = list(stream)
    pieces = [each.choices[0].delta.content for each in chunks if each.choices]
    assert pieces == ["", "10", " +", " ", "10", " equals", " ", "20", ".", None]
    assert chunks[-1].usage
    assert {each.id for each in chunks} == {chunks[0].id}


async def test_openai_reads_the_steps_as_reasoning(server: Server, url: str) -> None:
    server.script(*notebook())
    async with openai.AsyncOpenAI(base_url=url, api_key=TOKEN) as client:
        stream = await client.chat.completions.create(model="m:steps", messages=ASKED, stream=True)
        deltas = [each.choices[0].delta async for each in stream]
    extras = [each.model_extra or {} for each in deltas]
    reasoning = "".join(each.get("reasoning_content", "") for each in extras)
    assert reasoning == 'Calling add...\n{"|x|":|10|,"|y|":|10|}|\nadd → 20\n'
    assert "".join(each.content or "" for each in deltas) == "10 + 10 equals 20."


def test_openai_reads_the_answer_in_one_piece(server: Server, client: openai.OpenAI) -> None:
    server.script(says("Let me see.") + calls("add", x=10, y=10), answers("It is 20."))
    whole = client.chat.completions.create(model="m", messages=ASKED)
    assert whole.choices[0].message.content == "It is 20."
    assert whole.choices[0].finish_reason == "stop"
    assert whole.object == "chat.completion"
    assert whole.usage  # llm needs it


def test_the_model_gets_the_whole_conversation(server: Server) -> None:
    with (
        serving(server, system="Speak French.") as url,
        openai.OpenAI(base_url=url, api_key=TOKEN) as client,
    ):
        server.script(answers("Bonjour"))
        client.chat.completions.create(
            model="m",
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Salut"},
                {"role": "user", "content": [{"type": "text", "text": "Again"}]},
            ],
        )
    system, *others = server.requests[-1]["messages"]
    assert system["content"].endswith("Speak French.\n\nBe brief.")
    assert [each["content"] for each in others] == ["Hello", "Salut", "Again"]


def test_openai_raises_what_went_wrong_in_a_stream(server: Server, client: openai.OpenAI) -> None:
    server.script(Reply((delta(content="It is"), Hangup())))
    stream = client.chat.completions.create(model="m", messages=ASKED, stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "It is"]
    with pytest.raises(openai.APIError, match="connection"):
        next(stream)


def test_openai_does_not_run_a_failed_agent_again(server: Server, url: str) -> None:
    server.script(Reply((delta(content="It is"), Hangup())), answers("Never asked for"))
    before = len(server.requests)
    client = openai.OpenAI(base_url=url, api_key=TOKEN)
    with client, pytest.raises(openai.InternalServerError, match="connection"):
        client.chat.completions.create(model="m", messages=ASKED)
    assert len(server.requests) == before + 1


def test_openai_raises_what_is_wrong_with_a_request(client: openai.OpenAI, url: str) -> None:
    with pytest.raises(openai.BadRequestError, match="one answer") as refused:
        client.chat.completions.create(model="m", messages=ASKED, n=2)
    assert refused.value.param == "n"
    assert refused.value.type == "invalid_request_error"
    stranger = openai.OpenAI(base_url=url, api_key="wrong", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError, match="token"):
        stranger.models.list()


def test_a_client_that_leaves_ends_the_request_to_the_model(
    server: Server, client: openai.OpenAI
) -> None:
    server.disconnected.clear()
    server.script(Reply((delta(content="It is"), NEVER)))
    with client.chat.completions.create(model="m", messages=ASKED, stream=True) as stream:
        assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "It is"]
    assert server.disconnected.wait(300)


async def test_a_client_that_leaves_an_answer_in_one_piece_ends_it_too(
    server: Server, url: str
) -> None:
    server.disconnected.clear()
    server.script(Reply((delta(content="It is"), NEVER)))
    before = len(server.requests)
    async with openai.AsyncOpenAI(base_url=url, api_key=TOKEN) as client:
        asking = asyncio.create_task(client.chat.completions.create(model="m", messages=ASKED))
        await asyncio.to_thread(wait_for_request, server, before + 1)
        asking.cancel()
    assert await asyncio.to_thread(server.disconnected.wait, 300)


def test_a_busy_server_says_when_to_try_again(server: Server) -> None:
    server.script(Reply((delta(content="It is"), NEVER)))
    with (
        serving(server, max_runs=1) as url,
        openai.OpenAI(base_url=url, api_key=TOKEN, max_retries=0) as client,
        client.chat.completions.create(model="m", messages=ASKED, stream=True) as stream,
    ):
        next(stream)
        for streams in (True, False):
            with pytest.raises(openai.RateLimitError) as busy:
                client.chat.completions.create(model="m", messages=ASKED, stream=streams)
            assert int(busy.value.response.headers["Retry-After"]) > 0


def test_an_answer_that_takes_too_long_ends_with_an_error(server: Server) -> None:
    server.script(Reply((delta(content="It is"), NEVER)), forever=True)
    with (
        serving(server, limits=Limits(seconds=0.3, message=50)) as url,
        openai.OpenAI(base_url=url, api_key=TOKEN, max_retries=0) as client,
    ):
        with pytest.raises(openai.APIError, match="longer than"):
            list(client.chat.completions.create(model="m", messages=ASKED, stream=True))
        with pytest.raises(openai.InternalServerError, match="longer than"):
            client.chat.completions.create(model="m", messages=ASKED)
        long: list[ChatCompletionMessageParam] = [{"role": "user", "content": "x" * 51}]
        with pytest.raises(openai.APIStatusError, match="50 characters"):
            client.chat.completions.create(model="m", messages=long)


def test_a_tool_that_would_ask_does_not_run(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tools = tmp_path / "mine.py"
    tools.write_text('def delete(path: str) -> str:\n    """Delete a file."""\n    return 1 / 0\n')
    refusal = says("I may not delete it.").but(finish_reason="stop")
    server.script(calls("delete", path="a"), refusal, calls("delete", path="a"), refusal)
    settings = Settings(model="m", base_url=server.url, api_key="sk", tools=(str(tools),))
    with (
        serving(server, settings=settings) as url,
        openai.OpenAI(base_url=url, api_key=TOKEN) as client,
    ):
        plain, shown = (
            client.chat.completions.create(model=name, messages=ASKED).choices[0].message
            for name in ("m", "m:steps")
        )
    assert plain.content == shown.content == "I may not delete it."
    assert "nobody can be asked" in server.requests[-1]["messages"][-1]["content"]
    assert not hasattr(plain, "reasoning_content")
    assert "delete: refused: nobody to ask" in shown.model_dump()["reasoning_content"]
    logged = [each.getMessage() for each in caplog.records if each.name == "streamchat.serve"]
    assert logged == ["nobody can be asked to approve delete here; --allow delete lets it run"]


# What these clients send, from their sources; checked with their names and versions in mind.

OPEN_WEBUI_TITLE = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "### Task:\nGenerate a concise, 3-5 word title with an emoji"}
    ],
    "stream": False,
    "max_completion_tokens": 1000,
}
OPEN_WEBUI_CHAT = {
    "stream": True,
    "model": "m",
    "messages": [
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": "What is 10 + 10"},
    ],
    "stream_options": {"include_usage": True},
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_current_timestamp",
                "description": "Get the current Unix timestamp in seconds.",
                "parameters": {"type": "object", "properties": {}, "required": []},
            },
        }
    ],
}
AICHAT = {
    "model": "m",
    "messages": [{"role": "user", "content": "What is 10 + 10"}],
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 4096,
    "stream": True,
}


@pytest.mark.parametrize("body", [OPEN_WEBUI_TITLE, OPEN_WEBUI_CHAT, AICHAT])
def test_what_other_clients_send_is_answered(server: Server, url: str, body: Any) -> None:
    server.script(answers('{"title": "Sums"}'))
    response = httpx2.post(
        f"{url}/chat/completions", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert response.status_code == 200
    if not body["stream"]:
        assert response.json()["choices"][0]["message"]["content"] == '{"title": "Sums"}'
        return
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = [line[6:] for line in response.text.split("\n\n") if line.startswith("data: ")]
    assert frames.pop() == "[DONE]"
    choices = [json.loads(frame)["choices"] for frame in frames]
    text = "".join(each[0]["delta"].get("content", "") for each in choices if each)
    assert text == '{"title": "Sums"}'


def test_tools_that_a_client_offers_in_vain_are_logged_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        serving(server) as url,
        httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        for choice in ("none", "auto", "auto"):
            server.script(says("Hello."))
            body = {**OPEN_WEBUI_CHAT, "stream": False, "tool_choice": choice}
            assert http.post(f"{url}/chat/completions", json=body).is_success
            logged = [each for each in caplog.messages if "get_current_timestamp" in each]
            assert len(logged) == (choice == "auto")
    assert logged[0].endswith("none of the client's: get_current_timestamp")


def test_llm_asks_the_agent(server: Server, url: str, tmp_path: Path) -> None:
    server.script(*notebook())
    asked = subprocess.run(
        [
            find_program("llm"),
            "openai",
            "endpoint",
            url,
            "What is 10 + 10",
            "-m",
            "m",
            "--key",
            TOKEN,
        ],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (asked.stdout, asked.stderr) == ("10 + 10 equals 20.\n", "")


def test_streamchat_asks_an_agent_that_streamchat_serves(
    server: Server, url: str, tmp_path: Path
) -> None:
    server.script(*notebook())
    variables = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": TOKEN}
    asked = run(tmp_path, "ask", "What is 10 + 10", **variables)
    assert (asked.returncode, asked.stdout) == (0, "10 + 10 equals 20.\n")


def test_doctor_calls_it_usable(server: Server, url: str, tmp_path: Path) -> None:
    server.script(answers("Hello."), forever=True)
    variables = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": TOKEN}
    checked = run(tmp_path, "doctor", "--model", "m", **variables)
    assert "usable: yes" in checked.stdout
    assert "wrong" not in checked.stdout.replace("a wrong --model", "")
