"""`POST /v1/chat/completions` and `GET /v1/models`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from time import time
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamchat.config import Settings
from streamchat.serve.limits import Limits, read_json
from streamchat.serve.openai.encoder import ChunkEncoder, CompletionEncoder, make_error
from streamchat.serve.openai.inputs import STEPS, ChatRequest, read_request
from streamchat.serve.openai.messages import InvalidBodyError, select_newest
from streamchat.serve.openai.unasked import Unasked
from streamchat.serve.serving import Serving
from streamchat.serve.streaming import EventStream, finish

_NO_RETRY = {"x-should-retry": "false"}
"""Keeps OpenAI's libraries from running the agent, with its tools, again."""


def routes(serving: Serving) -> list[Route]:
    """Return the routes."""
    started = int(time())
    unasked = Unasked(serving.runs.source.name_in_rules)

    async def complete(request: Request) -> Response:
        body = await read_json(request, serving.limits)
        try:
            asked = read_request(body)
        except InvalidBodyError as error:
            refusal = make_error(error.message, "invalid_request_error", error.param)
            return JSONResponse(refusal, 400)
        _check(asked, serving.limits)
        serving.ignored_tools.log(asked.tools)
        asked = _apply(serving.settings, asked)
        if asked.streams:
            return EventStream(_stream(serving, asked, unasked))
        return await finish(request, _answer(serving, asked, unasked))

    async def list_models(request: Request) -> Response:
        names = (serving.model, serving.model + STEPS)
        models = [
            {"id": name, "object": "model", "created": started, "owned_by": "streamchat"}
            for name in names
        ]
        return JSONResponse({"object": "list", "data": models})

    return [
        Route("/v1/chat/completions", complete, methods=["POST"]),
        Route("/v1/models", list_models),
    ]


def _check(asked: ChatRequest, limits: Limits) -> None:
    """Check the lengths of the messages.

    Raises:
        RequestError: there are too many, or one is too long.
    """
    request = asked.request
    limits.check_messages(request.history)
    for exchange in request.history:
        limits.check_text(exchange.question)
        limits.check_text(exchange.answer)
    limits.check_text(request.question)
    limits.check_text(request.instructions)


def _apply(settings: Settings, asked: ChatRequest) -> ChatRequest:
    """Add the instructions of who serves the agent, and leave out what is too old."""
    request = asked.request
    instructions = "\n\n".join(filter(None, (settings.system, request.instructions)))
    history = select_newest(request.history, settings.history_budget)
    return replace(asked, request=replace(request, instructions=instructions, history=history))


async def _stream(
    serving: Serving, asked: ChatRequest, unasked: Unasked
) -> AsyncGenerator[bytes, None]:
    encoder = ChunkEncoder(
        *(_make_id(), int(time()), _name_model(serving, asked)),
        shows_steps=asked.shows_steps,
        reports_usage=asked.reports_usage,
    )
    async with serving.runs.open(asked.request) as run:
        yield encoder.begin()
        async for event in run:
            for frame in encoder.encode(event):
                yield frame
            unasked.follow(run, event)


async def _answer(serving: Serving, asked: ChatRequest, unasked: Unasked) -> Response:
    encoder = CompletionEncoder(
        *(_make_id(), int(time()), _name_model(serving, asked)), shows_steps=asked.shows_steps
    )
    async with serving.runs.open(asked.request) as run:
        async for event in run:
            encoder.feed(event)
            unasked.follow(run, event)
    if encoder.error is not None:
        return JSONResponse(make_error(encoder.error), 500, _NO_RETRY)
    return JSONResponse(encoder.to_dict())


def _name_model(serving: Serving, asked: ChatRequest) -> str:
    return serving.model + STEPS * asked.shows_steps


def _make_id() -> str:
    return f"chatcmpl-{uuid4().hex}"
