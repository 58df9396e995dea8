"""Models of providers, through their own LangChain packages, against servers of their APIs.

Each library is led to the scripted server by its own environment variable.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamchat import AgentExecutor
from streamchat.config import Settings
from streamchat.events import (
    ArgumentsDelta,
    Event,
    Notice,
    ReasoningDelta,
    StepFinished,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnStarted,
)
from streamchat.models import open_model
from streamchat.models.errors import describe
from streamchat.models.providers.errors import translate_error
from streamchat.models.retry import seconds_until_retry
from streamchat.text.redact import Redactor
from tests.agents import collect_events
from tests.chatting import Chat
from tests.program import run
from tests.providers import (
    ANTHROPIC,
    GEMINI,
    KEY,
    OLLAMA,
    SIGNATURE,
    Dialect,
    refuse_anthropic,
    refuse_gemini,
    refuse_ollama,
)
from tests.server import Reply, Server

DIALECTS = pytest.mark.parametrize(
    "dialect", [ANTHROPIC, GEMINI, OLLAMA], ids=lambda each: each.model.split(":")[0]
)
Play = Callable[..., Any]


@pytest.fixture
def play(server: Server, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Plays a turn with these replies, and returns its events."""

    async def play(dialect: Dialect, *replies: Reply, model: str = "") -> list[Event]:
        for name, value in dialect.point_to(server).items():
            monkeypatch.setenv(name, value)
        settings = Settings(model=model or dialect.model, timeout=60)
        server.script(*replies)
        return await collect_events(AgentExecutor(open_model(settings), timeout=60))

    return play


def find(events: list[Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@DIALECTS
async def test_a_call_streams_runs_and_its_result_goes_back(
    dialect: Dialect, play: Play, server: Server
) -> None:
    fragments = ('{"x": 1', ', "y": 29}')
    events = await play(dialect, dialect.call("add", *fragments), dialect.answer("It is ", "30."))

    assert find(events, TurnStarted)[0].model == dialect.model
    arrived = [each.fragment for each in find(events, ArgumentsDelta)]
    assert arrived == (list(fragments) if dialect is ANTHROPIC else ["".join(fragments)])
    assert [each.output for each in find(events, ToolFinished)] == ["30"]
    assert [each.text for each in find(events, TextDelta)] == ["It is ", "30."]
    assert events[-1].answer == "It is 30."
    assert [each.finish_reason for each in find(events, StepFinished)] == [
        dialect.reasons[1],
        dialect.reasons[0],
    ]
    assert [(e.input_tokens, e.output_tokens) for e in find(events, StepFinished)] == [
        (472, 89)
    ] * 2
    first, second = (json.dumps(each) for each in server.requests)
    assert '"temperature": 0' in first
    assert '"30"' not in first
    assert ('"output": 30' if dialect is GEMINI else '"content": "30"') in second
    assert (SIGNATURE in second) == (dialect is GEMINI)
    assert any(KEY in value for value in server.headers[0].values())


@DIALECTS
async def test_a_call_that_is_cut_off_does_not_run(dialect: Dialect, play: Play) -> None:
    for reply, cause in (
        (dialect.call_cut_off("add", '{"x": 1, "y": 2}'), "was cut off (finish_reason: "),
        (dialect.call_without_end("add", '{"x": 1, "y": 2}'), "in the middle of the response"),
        (
            dialect.call_without_end("add", '{"x": 1, "y": 2}', hangs_up=True),
            "in the middle of the response",
        ),
    ):
        events = await play(dialect, reply)
        assert cause in events[-1].error
        assert not find(events, ToolStarted)
        assert find(events, ToolFinished)[0].failed


async def test_arguments_that_end_early_do_not_run(play: Play) -> None:
    events = await play(ANTHROPIC, ANTHROPIC.call_cut_off("add", '{"x": 1', ', "y": 2'))
    assert events[-1].error.endswith('cut off (finish_reason: max_tokens): {"x": 1, "y": 2')
    assert not find(events, ToolStarted)


@pytest.mark.parametrize(
    ("dialect", "reply", "words"),
    [
        (
            ANTHROPIC,
            refuse_anthropic(401, "authentication_error", f"invalid x-api-key: {KEY}"),
            "invalid x-api-key: sk-***; check ANTHROPIC_API_KEY",
        ),
        (
            ANTHROPIC,
            refuse_anthropic(404, "not_found_error", "model: claude-none"),
            "model: claude-none; check --model",
        ),
        (
            ANTHROPIC,
            refuse_anthropic(429, "rate_limit_error", "Too fast", **{"retry-after": "90"}),
            "Too fast; rate limited, try again in 90 s",
        ),
        (
            GEMINI,
            refuse_gemini(400, "INVALID_ARGUMENT", "API key not valid."),
            "API key not valid.; check GEMINI_API_KEY",
        ),
        (
            GEMINI,
            refuse_gemini(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota.",
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"},
            ),
            "You exceeded your current quota.; rate limited, try again in 34.5 s",
        ),
        (
            OLLAMA,
            refuse_ollama(404, "model 'llama3.2' not found"),
            "404 from 127.0.0.1:PORT: model 'llama3.2' not found; check --model",
        ),
        (
            ANTHROPIC,
            Reply(
                (
                    b'event: error\ndata: {"type": "error", "error": '
                    b'{"type": "overloaded_error", "message": "Overloaded"}}\n\n',
                ),
                finish_reason=None,
                done=False,
                headers={"Connection": "close"},
            ),
            "error in the stream from 127.0.0.1:PORT: Overloaded",
        ),
    ],
)
async def test_an_error_is_one_line_that_says_what_to_do(
    dialect: Dialect, reply: Reply, words: str, play: Play, server: Server
) -> None:
    events = await play(dialect, reply)
    port = server.url.split(":")[2].removesuffix("/v1")
    assert events[-1].error.endswith(words.replace("PORT", port))


async def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    agent = AgentExecutor(open_model(Settings(model=OLLAMA.model)))
    last = (await collect_events(agent))[-1]
    assert last.error == "cannot reach 127.0.0.1:9: Connection refused; is the server running?"


def make_botocore_error(name: str, message: str, response: object = None) -> Exception:
    """Return an error as botocore raises it: of a class that it makes for each code."""
    base = type("ClientError", (Exception,), {"__module__": "botocore.exceptions"})
    kind = type(name, (base,), {"__module__": "botocore.errorfactory"})
    error: Exception = kind(message)
    if response is not None:
        error.response = response  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("code", "status", "message", "words"),
    [
        (
            "AccessDeniedException",
            403,
            "You don't have access to the model",
            "403 from bedrock_converse: You don't have access to the model; "
            "check the credentials and their permissions",
        ),
        (
            "ResourceNotFoundException",
            404,
            "Could not resolve the foundation model",
            "404 from bedrock_converse: Could not resolve the foundation model; check --model",
        ),
        (
            "ThrottlingException",
            429,
            "Too many requests",
            "429 from bedrock_converse: Too many requests",
        ),
        (
            "ValidationException",
            400,
            "The provided model identifier is invalid.",
            "400 from bedrock_converse: The provided model identifier is invalid.",
        ),
        # An error within a stream has no status.
        ("throttlingException", None, "Slow down", "429 from bedrock_converse: Slow down"),
    ],
)
def test_an_error_of_bedrock_is_one_line(
    code: str, status: int | None, message: str, words: str
) -> None:
    about = {"ResponseMetadata": {"HTTPStatusCode": status}} if status else {}
    response = {"Error": {"Code": code, "Message": message}, **about}
    text = f"An error occurred ({code}) when calling the ConverseStream operation: {message}"
    error = translate_error(make_botocore_error(code, text, response), "bedrock_converse")
    assert describe(error, Redactor(), key_variable="") == words
    assert (seconds_until_retry(error, 0) is not None) == ("hrottl" in code)


def test_bedrock_without_credentials_or_a_connection() -> None:
    def tell(name: str, message: str) -> str:
        error = translate_error(make_botocore_error(name, message), "bedrock_converse")
        return describe(error, Redactor(), key_variable="")

    assert tell("NoCredentialsError", "Unable to locate credentials") == (
        "no valid AWS credentials: Unable to locate credentials; "
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    )
    lost = tell("EndpointConnectionError", 'Could not connect to the endpoint URL: "https://b/"')
    assert lost.startswith("cannot reach bedrock_converse")
    assert tell("ReadTimeoutError", "Read timeout").startswith("timed out: no answer from ")


async def test_what_was_thought_goes_back_with_a_result(play: Play, server: Server) -> None:
    def thinks(text: str, signature: str) -> list[bytes]:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = (
            {"type": "thinking_delta", "thinking": text},
            {"type": "signature_delta", "signature": signature},
        )
        return [
            _anthropic("content_block_start", index=0, content_block=block),
            *(_anthropic("content_block_delta", index=0, delta=each) for each in deltas),
            _anthropic("content_block_stop", index=0),
        ]

    call = ANTHROPIC.call("add", '{"x": 1, "y": 29}')
    begin, ping, *rest = (bytes(part) for part in call.parts)  # type: ignore[arg-type]
    moved = (part.replace(b'"index": 0', b'"index": 1') for part in rest)
    thoughtful = call.but(parts=(begin, ping, *thinks("Let me add.", "c2ln"), *moved))
    events = await play(ANTHROPIC, thoughtful, ANTHROPIC.answer("30."))

    assert [each.text for each in find(events, ReasoningDelta)] == ["Let me add."]
    sent = server.requests[1]["messages"][1]["content"]
    assert [each["type"] for each in sent] == ["thinking", "tool_use"]
    assert sent[0] == {"type": "thinking", "thinking": "Let me add.", "signature": "c2ln"}


def _anthropic(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


async def test_a_model_that_takes_no_temperature_gets_none(play: Play, server: Server) -> None:
    known, dated = "anthropic:claude-sonnet-5-5", "anthropic:claude-sonnet-5-5-20991231"
    for model in (known, dated):
        events = await play(ANTHROPIC, ANTHROPIC.answer("Yes."), model=model)
        assert events[-1].answer == "Yes."
        assert "temperature" not in server.requests[-1]
    (notice,) = find(events, Notice)
    assert notice.text.endswith("; retrying without temperature")


async def test_a_model_of_ollama_reasons_if_it_does_so_by_itself(
    play: Play, server: Server
) -> None:
    thought = json.dumps(
        {"model": "m", "message": {"role": "assistant", "content": "", "thinking": "Hm."}}
    )
    answer = OLLAMA.answer("Yes.")
    events = await play(OLLAMA, answer.but(parts=(thought.encode() + b"\n", *answer.parts)))
    assert [each.text for each in find(events, ReasoningDelta)] == ["Hm."]
    assert "think" not in server.requests[0]


@pytest.mark.parametrize(
    ("settings", "provider"),
    [
        (Settings(model="anthropic:claude-sonnet-4-6"), "anthropic"),
        (Settings(model="ollama:llama3:8b"), "ollama"),
        (Settings(model="llama3:8b", api_key="k"), None),
        (Settings(model="gpt-oss:20b", api_key="k"), None),
        (Settings(model="anthropic:"), None),
        (Settings(model="anthropic:claude-sonnet-4-6", base_url="http://localhost:1/v1"), None),
    ],
)
def test_only_a_known_prefix_without_a_base_url_names_a_provider(
    settings: Settings, provider: str | None
) -> None:
    assert (settings.provider and settings.provider.name) == provider
    assert not settings.is_local


def test_a_missing_package_and_a_missing_key_are_one_line(tmp_path: Path) -> None:
    for model, cause in (
        (
            "mistralai:mistral-small",
            "mistralai: needs langchain-mistralai; "
            "install it with: pip install langchain-mistralai",
        ),
        (ANTHROPIC.model, "anthropic: needs a key: set ANTHROPIC_API_KEY"),
    ):
        done = run(tmp_path, "ask", "--model", model, "Hello")
        assert (done.returncode, done.stderr) == (1, f"error: {cause}\n")


def test_doctor_says_whom_it_is_for(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "--model", OLLAMA.model)
    assert done.returncode == 1
    assert done.stderr.startswith("error: doctor is for OpenAI-compatible servers")


def test_config_show_tells_which_key_is_in_use(tmp_path: Path) -> None:
    variables = {"GEMINI_API_KEY": KEY, "STREAMCHAT_MODEL": f"google_genai:{KEY}"}
    shown = run(tmp_path, "config", "show", **variables).stdout
    assert "# api_key: set (GEMINI_API_KEY)  # GEMINI_API_KEY" in shown
    assert '"google_genai:sk-***"' in shown


def test_a_chat_switches_to_a_provider_and_resumes_with_it(tmp_path: Path, server: Server) -> None:
    variables = OLLAMA.point_to(server) | {"OPENAI_BASE_URL": "", "OPENAI_API_KEY": ""}
    server.script(OLLAMA.answer("Hello", f" from {KEY}."), OLLAMA.answer("Again."))
    chat = Chat(server, tmp_path, "--model", "ollama:other", **variables)
    with chat.process:
        chat.wait_until_ready()
        assert "ollama:other" in chat.bar
        chat.type("/model google")
        chat.wait_for_completion("/model google", "google_genai:")
        chat.type("\x05\x15")
        assert f"Switched to {OLLAMA.model}" in chat.send(f"/model {OLLAMA.model}")
        assert "Hello from sk-***." in chat.send("Hi")
        assert OLLAMA.model in chat.bar
        chat.leave()

    done = run(tmp_path, "ask", "--continue", "Again?", **variables)
    assert (done.stdout, done.returncode) == ("Again.\n", 0)
    assert f"continuing with {OLLAMA.model}, as before" in done.stderr
    assert [each["model"] for each in server.requests] == ["llama3.2", "llama3.2"]
