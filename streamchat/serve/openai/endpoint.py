"""`POST /v1/chat/completions` and `GET /v1/models`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from time import time
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamchat.events import Event, InputRequested
from streamchat.serve.limits import Limits, read_json
from streamchat.serve.openai.encoder import ChunkEncoder, CompletionEncoder, make_error
from streamchat.serve.openai.inputs import STEPS, ChatRequest, read_request
from streamchat.serve.openai.messages import InvalidBodyError
from streamchat.serve.runs import ServedRun
from streamchat.serve.serving import Serving
from streamchat.serve.streaming import EventStream, finish

_NO_RETRY = {"x-should-retry": "false"}
"""Keeps OpenAI's libraries from running the agent, with its tools, again."""


def routes(serving: Serving) -> list[Route]:
    """Return the routes."""
    started = int(time())

    async def complete(request: Request) -> Response:
        body = await read_json(request, serving.limits)
        try:
            asked = read_request(body)
        except InvalidBodyError as error:
            refusal = make_error(error.message, "invalid_request_error", error.param)
            return JSONResponse(refusal, 400)
        _check(asked, serving.limits)
        asked = _add_instructions(asked, serving.settings.system or "")
        if asked.streams:
            return EventStream(_stream(serving, asked))
        return await finish(request, _answer(serving, asked))

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


def _add_instructions(asked: ChatRequest, own: str) -> ChatRequest:
    """Put the instructions of the user who serves the agent before those of the client."""
    both = "\n\n".join(filter(None, (own, asked.request.instructions)))
    return replace(asked, request=replace(asked.request, instructions=both))


async def _stream(serving: Serving, asked: ChatRequest) -> AsyncGenerator[bytes, None]:
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
            _end_if_asking(run, event)


async def _answer(serving: Serving, asked: ChatRequest) -> Response:
    encoder = CompletionEncoder(
        *(_make_id(), int(time()), _name_model(serving, asked)), shows_steps=asked.shows_steps
    )
    async with serving.runs.open(asked.request) as run:
        async for event in run:
            encoder.feed(event)
            _end_if_asking(run, event)
    if encoder.error is not None:
        return JSONResponse(make_error(encoder.error), 500, _NO_RETRY)
    return JSONResponse(encoder.to_dict())


def _end_if_asking(run: ServedRun, event: Event) -> None:
    """End a run whose agent asks the user; the encoders say so."""
    if isinstance(event, InputRequested):
        run.cancel()


def _name_model(serving: Serving, asked: ChatRequest) -> str:
    return serving.model + STEPS * asked.shows_steps


def _make_id() -> str:
    return f"chatcmpl-{uuid4().hex}"
