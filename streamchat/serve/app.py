"""Puts the routes and the guard before them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from streamchat import __version__
from streamchat.serve.agui import endpoint as agui
from streamchat.serve.errors import RequestError, answer_refusal, answer_status
from streamchat.serve.metrics import MEDIA_TYPE
from streamchat.serve.openai import endpoint as openai
from streamchat.serve.security import Access, Guard
from streamchat.serve.serving import Serving


def make_app(serving: Serving, access: Access) -> ASGIApp:
    """Return the application.

    Args:
        serving: what the endpoints share.
        access: who may use it.
    """
    handlers: dict[Any, Any] = {RequestError: answer_refusal, HTTPException: answer_status}
    app = Starlette(routes=_list_routes(serving), exception_handlers=handlers)
    return Guard(app, access)


def _list_routes(serving: Serving) -> Sequence[BaseRoute]:
    """Return the routes of all endpoints; each module that has some lists them in `routes`."""
    return [
        *routes(serving),
        *agui.routes(serving),
        *openai.routes(serving),
    ]


def routes(serving: Serving) -> list[Route]:
    """Return the routes that tell about the server itself."""

    async def answer_health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "model": serving.model, "version": __version__})

    async def answer_metrics(request: Request) -> Response:
        return Response(serving.metrics.write(), media_type=MEDIA_TYPE)

    return [Route("/health", answer_health), Route("/metrics", answer_metrics)]
