"""The upstream extension points that the package relies on.

An upgrade of a library may move one of them. Then a test here fails with a sentence that names the
point, what is missing, and the module that uses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from pydantic import BaseModel

import streamchat
from streamchat.models.openai_compatible import connect
from streamchat.models.wire.strict_chunk import StrictChunk
from streamchat.view.markdown.highlight import Highlighter, load_lexer
from tests.server import Server, says

ROOT = Path(streamchat.__file__).parent


@dataclass(frozen=True)
class Point:
    """A name in a library, as `module:path`, and the parameters that we pass or receive."""

    name: str
    used_in: str
    parameters: tuple[str, ...] = ()

    @property
    def attribute(self) -> str:
        return self.name.rpartition(".")[2].rpartition(":")[2]


_CHAT = "langchain_openai:ChatOpenAI"
_HANDLER = "langchain_core.callbacks:AsyncCallbackHandler"
_OUTPUT = "prompt_toolkit.output.vt100:Vt100_Output"
_SESSION = "prompt_toolkit:PromptSession"
POINTS = [
    # LangChain's own partner packages override these methods of ChatOpenAI.
    Point(
        f"{_CHAT}._convert_chunk_to_generation_chunk",
        "models.openai_compatible",
        ("chunk", "default_chunk_class", "base_generation_info"),
    ),
    Point(f"{_CHAT}._astream", "models.embedded.model"),
    # Whether a class streams as ChatOpenAI does, and whether anybody listens to its callbacks.
    Point(f"{_CHAT}._astream", "models.openai_compatible"),
    Point(f"{_CHAT}.rate_limiter", "models.openai_compatible"),
    Point(
        "langchain_core.callbacks:AsyncCallbackManager.configure",
        "agent.message_stream",
        ("inheritable_callbacks", "local_callbacks", "verbose"),
    ),
    Point("langchain_core.runnables.config:ensure_config", "agent.message_stream"),
    Point(f"{_CHAT}._get_request_payload", "models.embedded.model", ("input_", "kwargs")),
    Point(
        f"{_CHAT}._get_request_payload", "models.openai_compatible", ("input_", "stop", "kwargs")
    ),
    # Its documented fields.
    *(
        Point(f"{_CHAT}.{field}", "models.openai_compatible")
        for field in (
            *("async_client", "root_client", "root_async_client", "openai_api_key"),
            *("openai_api_base", "stream_usage", "stream_chunk_timeout", "use_responses_api"),
            *("http_client", "http_async_client"),
        )
    ),
    # Error bodies are cut short here; the OpenAI client would read them to their end.
    Point("openai:DefaultAsyncHttpxClient.send", "models.openai_compatible", ("request", "stream")),
    *(
        Point(f"httpx2:{error}", "models.transport")
        for error in (
            *("HTTPError", "StreamError", "ConnectError", "ProxyError", "UnsupportedProtocol"),
            *("RemoteProtocolError", "ReadError", "WriteError", "DecodingError"),
        )
    ),
    Point("openai:AsyncOpenAI.get", "models.openai_compatible", ("path", "cast_to")),
    Point(
        "openai:AsyncOpenAI.post",
        "models.openai_compatible",
        ("path", "cast_to", "body", "stream", "stream_cls"),
    ),
    Point("openai:AsyncStream", "models.wire.stream", ("cast_to", "response", "client")),
    Point("openai:APIConnectionError", "models.wire.stream", ("message", "request")),
    Point("openai:APIError", "models.wire.stream", ("message", "request", "body")),
    # How a handler is called, and how it makes LangChain wait for it and raise its errors.
    Point(f"{_HANDLER}.on_llm_new_token", "agent.streamer", ("token", "chunk", "run_id")),
    Point(f"{_HANDLER}.on_llm_end", "agent.streamer", ("response", "run_id")),
    Point(f"{_HANDLER}.on_llm_error", "agent.streamer", ("error", "run_id")),
    Point(f"{_HANDLER}.raise_error", "agent.streamer"),
    Point(f"{_HANDLER}.run_inline", "agent.streamer"),
    Point("langchain_core.messages.ai:add_ai_message_chunks", "agent.decoder", ("left", "others")),
    Point("langchain_core.messages:AIMessageChunk.init_tool_calls", "models.wire.strict_chunk"),
    Point("langchain_core.tools:BaseTool._arun", "tools.calls"),
    Point("langchain_core.tracers.langchain:get_client", "agent.tracing"),
    Point("langsmith:tracing_context", "agent.tracing", ("enabled",)),
    Point("langsmith:Client.flush", "agent.tracing", ("timeout",)),
    # Only this method returns the state at the end of a line.
    Point(
        "pygments.lexer:ExtendedRegexLexer.get_tokens_unprocessed",
        "view.markdown.highlight",
        ("text", "context"),
    ),
    Point("pygments.lexer:LexerContext", "view.markdown.highlight", ("text", "pos", "stack")),
    Point("rich.cells:get_character_cell_size", "view.live.painter", ("character",)),
    Point("rich.cells:get_character_cell_size", "view.markdown.wrap", ("character",)),
    Point("rich.cells:chop_cells", "view.markdown.table", ("text", "width")),
    # What the chat's terminal output leaves out, and what its prompts reach into.
    Point(f"{_OUTPUT}.from_pty", "repl.output", ("stdout", "term", "enable_bell")),
    *(
        Point(f"{_OUTPUT}.{method}", "repl.output")
        for method in (
            *("responds_to_cpr", "get_rows_below_cursor_position", "show_cursor", "hide_cursor"),
            *("cursor_backward", "disable_autowrap", "enable_autowrap", "write_raw"),
            *("reset_cursor_key_mode", "enable_bracketed_paste", "disable_bracketed_paste"),
        )
    ),
    Point("prompt_toolkit.history:FileHistory.store_string", "repl.history", ("string",)),
    Point(f"{_SESSION}.prompt_async", "repl.prompt", ("default", "pre_run", "handle_sigint")),
    Point("prompt_toolkit.buffer:Buffer.validate_and_handle", "repl.bindings"),
    Point("prompt_toolkit.buffer:Buffer.start_completion", "repl.prompt", ("select_first",)),
    Point("prompt_toolkit.layout:Layout.walk", "repl.menu"),
    Point("prompt_toolkit.layout.menus:CompletionsMenu", "repl.menu"),
    Point("prompt_toolkit.renderer:Renderer.erase", "repl.menu"),
    Point("prompt_toolkit.application:run_in_terminal", "repl.typeahead", ("func",)),
    Point("prompt_toolkit.key_binding.key_processor:KeyProcessor.feed_multiple", "repl.typeahead"),
    Point("prompt_toolkit.key_binding.key_processor:KeyProcessor.process_keys", "repl.typeahead"),
    Point("prompt_toolkit.input:Input.flush_keys", "repl.typeahead"),
]


def find_move(point: Point) -> str:
    """Return a sentence about what an upgrade has moved, or an empty text."""
    module, _, path = point.name.partition(":")
    used = f"streamchat.{point.used_in} uses it"
    try:
        value: Any = import_module(module)
    except ImportError:
        return f"There is no module {module} any more: {used}."
    for name in path.split("."):
        fields = getattr(value, "model_fields", {})
        if not hasattr(value, name) and name not in fields:
            return f"{point.name} has moved: {used}."
        value = fields[name] if name in fields else getattr(value, name)
    if point.parameters:
        known = inspect.signature(value).parameters
        missing = ", ".join(name for name in point.parameters if name not in known)
        if missing:
            return f"{point.name} has no parameter {missing} any more: {used}."
    return ""


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_an_upstream_attribute_is_unchanged(point: Point) -> None:
    assert find_move(point) == ""


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_a_changed_attribute_is_noticed(point: Point) -> None:
    used = f"streamchat.{point.used_in} uses it."
    assert find_move(replace(point, name=f"{point.name}_moved")).endswith(used)
    assert find_move(replace(point, name=f"no_{point.name}")).endswith(used)
    if point.parameters:
        assert "nonesuch" in find_move(replace(point, parameters=("nonesuch",)))


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_the_package_still_uses_it(point: Point) -> None:
    source = ROOT.joinpath(*point.used_in.split(".")).with_suffix(".py")
    assert point.attribute in source.read_text(encoding="utf-8"), f"delete {point.name} here"


def overridden_private_methods() -> Iterator[tuple[str, str]]:
    """Yield each private method of another package that a class of ours overrides."""
    for module in pkgutil.walk_packages(streamchat.__path__, "streamchat."):
        if module.name.endswith("__main__"):
            continue
        for cls in vars(import_module(module.name)).values():
            if not isinstance(cls, type) or cls.__module__ != module.name:
                continue
            foreign = [
                base
                for base in cls.__mro__[1:]
                if not base.__module__.startswith(("streamchat", "builtins"))
                and base is not BaseModel
            ]
            for name, value in vars(cls).items():
                if (
                    name.startswith("_")
                    and not name.endswith("_")
                    and not name.startswith("_abc_")
                    and inspect.isfunction(value)
                    and any(name in vars(base) for base in foreign)
                ):
                    yield module.name.removeprefix("streamchat."), name


def test_every_overridden_private_method_is_listed() -> None:
    found = set(overridden_private_methods())
    assert ("models.openai_compatible", "_convert_chunk_to_generation_chunk") in found
    assert found <= {(point.used_in, point.attribute) for point in POINTS}


async def test_chat_openai_streams_through_the_client_we_give_it(server: Server) -> None:
    server.script(says("Hi."))
    llm = connect("m", base_url=server.url, api_key=None, temperature=0, timeout=60)
    chunks = [chunk async for chunk in llm.astream("?")]
    await llm.aclose()
    why = "ChatOpenAI no longer streams through `async_client.create` and our chunk conversion"
    assert chunks[-2].response_metadata.get("stream_end") == "done", why


def test_our_chunk_validator_replaces_the_one_of_the_same_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repaired: list[str] = []
    monkeypatch.setattr(
        "langchain_core.messages.ai.parse_partial_json", lambda text: repaired.append(text) or {}
    )
    cut = [tool_call_chunk(name="add", args='{"x": 1', id="a", index=0)]
    AIMessageChunk("", tool_call_chunks=cut)
    assert repaired, "AIMessageChunk no longer repairs arguments: StrictChunk may go"
    repaired.clear()
    assert not StrictChunk(content="", tool_call_chunks=cut).tool_calls
    why = "AIMessageChunk's validator has moved: models.wire.strict_chunk replaces it by its name"
    assert not repaired, why


def test_lexer_state_carries_over_to_the_next_line() -> None:
    highlighter = Highlighter(load_lexer("python"))
    highlighter.highlight("text = '''one")
    why = "Pygments no longer returns the state at the end of a line: view.markdown.highlight"
    assert highlighter.highlight("two") == [("two", "string")], why


def test_asyncio_keeps_handlers_of_signals_where_our_loop_replaces_them() -> None:
    with contextlib.closing(asyncio.SelectorEventLoop()) as loop:
        assert loop._signal_handlers == {}, (  # type: ignore[attr-defined]  # that is the point
            "_signal_handlers has moved: streamchat.process.runtime uses it."
        )
