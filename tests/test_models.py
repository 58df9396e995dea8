"""Connecting to models, and describing what goes wrong."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from streamchat import AgentError, AgentExecutor
from streamchat.config import ModelError, Settings, SettingsError
from streamchat.models import NO_MODEL, open_model
from streamchat.models.errors import describe
from streamchat.models.openai_compatible import (
    CompatibleChatOpenAI,
    adapt_request,
    connect,
)
from streamchat.text.redact import Redactor
from tests.server import NEVER, Hangup, Reply, Server, delta, ends, fails, says


async def read_text(llm: CompatibleChatOpenAI) -> str:
    return "".join([chunk.text async for chunk in llm.astream("?")])


async def describe_failure(url: str, secret: str | None = None, seconds: float = 10) -> str:
    llm = connect("m", base_url=url, api_key=secret, temperature=0, timeout=seconds)
    with pytest.raises(openai.APIError) as raised:
        await read_text(llm)
    await llm.aclose()
    return describe(raised.value, Redactor([secret]))


@contextmanager
def serve_silence() -> Iterator[str]:
    """Accept connections and never answer; yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


class TestErrors:
    """Every error is one line that names the cause."""

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (
                fails(401, "Incorrect API key provided: sk-123456"),
                "Incorrect API key provided: sk-***",
            ),
            (Reply(status=404, body=b'{"detail": "no such model"}'), "no such model"),
            (Reply(status=404, body=b'{"error": "model not found"}'), "model not found"),
            (Reply(status=400, body=b'{"object": "error", "message": "too long"}'), "too long"),
            (Reply(status=502, body=b"<h1>Bad\nGateway</h1>"), "Bad Gateway"),
            (Reply(status=500), "Internal Server Error"),
            (fails(500, "\x1b[2Jgone" + "x" * 1000), r"\x1b[2Jgonexxx"),
        ],
    )
    async def test_a_status_error_quotes_the_server(
        self, server: Server, reply: Reply, words: str
    ) -> None:
        server.script(reply)
        line = await describe_failure(server.url, "sk-1234")
        assert line.startswith(f"{reply.status} from 127.0.0.1:")
        assert words in line
        assert len(line) <= 300

    async def test_an_endless_error_body_is_read_only_in_part(self, server: Server) -> None:
        server.script(Reply((b"no " * 200_000, NEVER), status=400))
        started = time.monotonic()
        assert (await describe_failure(server.url)).startswith("400 from 127.0.0.1:")
        assert time.monotonic() - started < 300

    @pytest.mark.parametrize(
        ("headers", "parts"),
        [
            ({"Content-Length": "500"}, (b'{"error": ', Hangup())),
            ({"Content-Encoding": "gzip"}, (b"not packed",)),
        ],
    )
    async def test_a_status_is_reported_even_if_its_body_is_unreadable(
        self, server: Server, headers: dict[str, str], parts: tuple[Any, ...]
    ) -> None:
        server.script(Reply(parts, status=401, headers=headers))
        line = await describe_failure(server.url)
        assert line.startswith("401 from 127.0.0.1:")
        assert line.endswith("check OPENAI_API_KEY")

    @pytest.mark.parametrize(
        "error",
        [
            {"message": "You exceeded your current quota, please check your plan."},
            {"message": "no", "code": "billing_hard_limit_reached"},
            {"message": "no", "type": "insufficient_quota"},
        ],
    )
    async def test_an_exhausted_quota_is_reported_as_such(
        self, server: Server, error: dict[str, str]
    ) -> None:
        server.script(Reply(status=429, body=json.dumps({"error": error}).encode()))
        assert "the quota is used up" in await describe_failure(server.url)

    async def test_a_rejected_key_is_reported_with_its_variable(self, server: Server) -> None:
        server.script(fails(401, "wrong key"))
        llm = open_model(Settings("m", server.url, "sk-1234", api_key_env="GROQ_API_KEY"))
        with pytest.raises(AgentError, match="; check GROQ_API_KEY"):
            await AgentExecutor(llm).invoke("?")
        await llm.aclose()

    async def test_a_status_takes_precedence_over_a_timeout(self, server: Server) -> None:
        server.script(Reply((NEVER,), status=401))
        llm = connect("m", base_url=server.url, api_key=None, temperature=0, timeout=4)
        with pytest.raises(AgentError, match="401 from"):
            await AgentExecutor(llm, timeout=4).invoke("?")
        await llm.aclose()

    async def test_a_refused_connection(self) -> None:
        assert await describe_failure("http://127.0.0.1:9/v1") == (
            "cannot reach 127.0.0.1:9: Connection refused; is the server running?"
        )

    async def test_an_unknown_host(self) -> None:
        assert (await describe_failure("http://nowhere.invalid/v1")).startswith(
            "cannot reach nowhere.invalid: "
        )

    async def test_https_to_an_http_server(self, server: Server) -> None:
        line = await describe_failure(server.url.replace("http:", "https:"))
        assert "TLS failed" in line
        assert "is it an http:// address?" in line

    async def test_a_silent_server(self) -> None:
        with serve_silence() as url:
            assert (
                await describe_failure(url, seconds=1)
                == f"timed out: no answer from {url[7:-3]} (--timeout)"
            )

    def test_other_errors_are_reported_by_type(self) -> None:
        assert describe(ZeroDivisionError("by\nzero"), Redactor()) == "ZeroDivisionError: by zero"


@pytest.mark.parametrize("separately", [False, True])
async def test_an_error_after_the_end_of_the_message_is_the_end_of_the_stream(
    server: Server, separately: bool
) -> None:
    events = [delta(content="Hello."), ends(), {"error": "no"}, delta(content=" Bye.")]
    wire = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    server.script(Reply(tuple(wire) if separately else (b"".join(wire),), None))
    llm = connect("m", base_url=server.url, api_key=None, temperature=0, timeout=60)
    assert await read_text(llm) == "Hello."


async def test_other_servers_need_no_key_and_get_a_placeholder(server: Server) -> None:
    server.script(says("hi"))
    llm = open_model(Settings(base_url=server.url))
    assert await read_text(llm) == "hi"
    assert server.headers[0]["authorization"] == "Bearer none"
    await llm.aclose()


async def test_the_settings_reach_the_server(server: Server) -> None:
    server.script(says("hi"))
    llm = open_model(Settings("big", server.url, "sk-1", temperature=0.5))
    assert await read_text(llm) == "hi"
    assert server.headers[0]["authorization"] == "Bearer sk-1"
    assert (server.requests[0]["model"], server.requests[0]["temperature"]) == ("big", 0.5)
    await llm.aclose()


async def test_the_environment_cannot_redirect_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    llm = open_model(Settings(api_key="sk-1"))
    assert str(llm.root_async_client.base_url) == "https://api.openai.com/v1/"
    await llm.aclose()


def test_a_missing_certificate_file_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all")
    with pytest.raises(SettingsError, match="SSL_CERT_FILE: No such file or directory"):
        open_model(Settings(api_key="sk-1"))


@pytest.mark.parametrize(
    ("url", "proxy", "times"),
    [
        ("http://127.0.0.1:9/v1", "", 0),
        ("https://127.0.0.1:9/v1", "", 1),
        ("http://127.0.0.1:9/v1", "https://127.0.0.1:10", 1),
    ],
)
async def test_certificates_are_loaded_once_where_they_are_needed(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str, times: int
) -> None:
    loaded = []
    load = ssl.SSLContext.load_verify_locations

    def watch(context: ssl.SSLContext, *arguments: Any) -> None:
        loaded.append(context)
        load(context, *arguments)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", watch)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_PROXY", proxy)
    llm = connect("m", base_url=url, api_key=None, temperature=0, timeout=60)
    assert len(loaded) == times
    await llm.aclose()


def test_openai_needs_a_key() -> None:
    with pytest.raises(ModelError, match="gpt-4o needs a key: set OPENAI_API_KEY"):
        open_model(Settings("gpt-4o"))


def test_without_any_model_the_error_names_three_ways_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelError) as raised:
        open_model(Settings())
    assert str(raised.value) == NO_MODEL
    assert all(way in NO_MODEL for way in ("OPENAI_API_KEY", "--base-url", "streamchat[local]"))
    assert len(f"error: {NO_MODEL}") <= 300
    with pytest.raises(ModelError, match="no local model: install one"):
        open_model(Settings("local"))


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Settings(), "local"),
        (Settings("local-large"), "local-large"),
        (Settings("/some/where/m.gguf"), "m.gguf"),
        (Settings(api_key="sk-1"), "gpt-4o-mini"),
        (Settings("llama", "http://127.0.0.1:1/v1"), "llama"),
    ],
)
def test_the_name_a_model_is_shown_under(settings: Settings, name: str) -> None:
    assert settings.model_name == name


async def test_a_refused_option_is_dropped_once() -> None:
    llm = connect("m", base_url="http://127.0.0.1:9/v1", api_key=None, temperature=0, timeout=1)
    adapted = adapt_request(llm, "stream_options is not known here", [])
    assert adapted
    plainer, change = adapted
    assert change == "without stream_options"
    assert plainer.stream_usage is False  # type: ignore[attr-defined]  # a field of ChatOpenAI
    assert adapt_request(plainer, "stream_options is not known here", []) is None
    assert adapt_request(llm, "something else", []) is None
    await llm.aclose()
