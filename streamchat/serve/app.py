"""Puts the routes and the guard before them together."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from streamchat import __version__
from streamchat.serve import page
from streamchat.serve.agui import endpoint as agui
from streamchat.serve.errors import HANDLERS
from streamchat.serve.metrics import MEDIA_TYPE
from streamchat.serve.openai import endpoint as openai
from streamchat.serve.request_log import RequestLog
from streamchat.serve.security import Access, Guard
from streamchat.serve.serving import Serving


def make_app(serving: Serving, access: Access, *, verbose: bool = False) -> ASGIApp:
    """Return the application.

    Args:
        serving: what the endpoints share.
        access: who may use it.
        verbose: whether to log requests, and where errors come from.
    """
    app = Starlette(routes=_list_routes(serving), exception_handlers=HANDLERS)
    # A redirect from /agent/ would repeat the token, and behind a proxy leave HTTPS.
    app.router.redirect_slashes = False
    return Guard(RequestLog(app, verbose=verbose), access)


def _list_routes(serving: Serving) -> Sequence[BaseRoute]:
    """Return the routes of all endpoints; each module that has some lists them in `routes`."""
    return [
        *routes(serving),
        *page.routes(),
        *agui.routes(serving),
        *openai.routes(serving),
    ]


def routes(serving: Serving) -> list[Route]:
    """Return the routes that tell about the server itself."""

    async def answer_health(request: Request) -> Response:
        status = "stopping" if serving.runs.is_closing else "ok"
        about = {"status": status, "model": serving.model, "version": __version__}
        return JSONResponse(about, 503 if serving.runs.is_closing else 200)

    async def answer_metrics(request: Request) -> Response:
        return Response(serving.metrics.write(), media_type=MEDIA_TYPE)

    return [Route("/health", answer_health), Route("/metrics", answer_metrics)]
