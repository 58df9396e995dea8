"""Runs as an AG-UI client sees them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from ag_ui.core import Event
from pydantic import TypeAdapter

from streamchat.agent.source import Source
from streamchat.config import Settings
from streamchat.events import Event as TurnEvent
from streamchat.serve.agui.encoder import Encoder
from streamchat.serve.app import make_app
from streamchat.serve.limits import Limits
from streamchat.serve.metrics import Metrics
from streamchat.serve.runs import Runs
from streamchat.serve.security import Access
from streamchat.serve.serving import Serving
from streamchat.text.redact import Redactor

TOKEN = "token"

_EVENT: TypeAdapter[Any] = TypeAdapter(Event)
_OPENS = {
    "TEXT_MESSAGE_START": ("text", "messageId"),
    "REASONING_START": ("reasoning", "messageId"),
    "REASONING_MESSAGE_START": ("thought", "messageId"),
    "TOOL_CALL_START": ("call", "toolCallId"),
    "STEP_STARTED": ("step", "stepName"),
}
_GOES_ON = {
    "TEXT_MESSAGE_CONTENT": ("text", "messageId"),
    "REASONING_MESSAGE_CONTENT": ("thought", "messageId"),
    "TOOL_CALL_ARGS": ("call", "toolCallId"),
}
_CLOSES = {
    "TEXT_MESSAGE_END": ("text", "messageId"),
    "REASONING_END": ("reasoning", "messageId"),
    "REASONING_MESSAGE_END": ("thought", "messageId"),
    "TOOL_CALL_END": ("call", "toolCallId"),
    "STEP_FINISHED": ("step", "stepName"),
}


def encode(events: Iterable[TurnEvent], **options: Any) -> list[dict[str, Any]]:
    """Return a turn's events as a client reads them; they keep the protocol's rules."""
    encoder = Encoder("thread", "run", "m", **options)
    encoded = [each for event in events for each in encoder.encode(event)]
    return check(json.loads(each) for each in encoded)


def check(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of a run that has ended, after the checks that `@ag-ui/client` makes."""
    seen, open_ones = list(events), set[tuple[str, str]]()
    for event in seen:
        model = _EVENT.validate_python(event)
        assert not model.model_extra, event
        kind = event["type"]
        if kind in _OPENS:
            group, key = _OPENS[kind]
            assert (group, event[key]) not in open_ones, event
            open_ones.add((group, event[key]))
        if kind in _GOES_ON or kind in _CLOSES:
            group, key = (_GOES_ON | _CLOSES)[kind]
            assert (group, event[key]) in open_ones, event
        if kind in _CLOSES:
            open_ones.remove((group, event[key]))
    kinds = [event["type"] for event in seen]
    assert kinds[0] == "RUN_STARTED"
    assert [each for each in kinds if each in ("RUN_FINISHED", "RUN_ERROR")] == kinds[-1:]
    assert not open_ones
    return seen


def pick(events: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in events if each["type"] == kind]


def fragments(events: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the fragments of the arguments of each call, by its ID."""
    found: dict[str, list[str]] = {}
    for each in pick(events, "TOOL_CALL_ARGS"):
        found.setdefault(each["toolCallId"], []).append(each["delta"])
    return found


def texts(events: Iterable[dict[str, Any]]) -> list[str]:
    """Return the text messages, in the order in which they began."""
    found: dict[str, str] = {}
    for each in pick(events, "TEXT_MESSAGE_CONTENT"):
        found[each["messageId"]] = found.get(each["messageId"], "") + each["delta"]
    return list(found.values())


def custom(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the values of the CUSTOM events, by name."""
    return {each["name"]: each["value"] for each in pick(events, "CUSTOM")}


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(source: Source, **options: Any) -> AsyncIterator[str]:
    """Serve a source in the test's event loop; the value is the server's address.

    Requests need the token `TOKEN`.
    """
    limits, metrics = options.get("limits", Limits()), Metrics()
    runs = Runs(source, options.get("max_runs", 10), limits, metrics)
    serving = Serving(runs, limits, metrics, Settings(), Redactor(), source.name)
    app = make_app(serving, Access(TOKEN))
    server = _Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


def make_input(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a RunAgentInput; a message without an ID gets one."""
    numbered = [{"id": f"m{number}", **each} for number, each in enumerate(messages)]
    return {"threadId": "t", "runId": "r", "messages": numbered, **fields}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
