"""The page at `/`: a question box, and the agent at work. It has no build step."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamchat.serve.security import PAGE

_TYPES = {
    # The system's table of types is not asked: where it is wrong, browsers refuse the scripts.
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    # No text ever becomes markup or code, whatever the scripts do with it.
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def routes() -> list[Route]:
    """Return the routes of the page and of its files.

    Nothing in them is secret, so they need no token: a browser cannot send one for a script.
    """
    return [Route("/", _send_page), Route(f"{PAGE}{{name:path}}", _send_file)]


async def _send_page(request: Request) -> Response:
    return _send(request, "index.html")


async def _send_file(request: Request) -> Response:
    return _send(request, f"static/{request.path_params['name']}")


def _send(request: Request, name: str) -> Response:
    if name not in _FILES:
        raise HTTPException(404, "there is no such file")
    body, headers = _FILES[name]
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)


def _read(folder: Traversable, path: str = "") -> dict[str, tuple[bytes, dict[str, str]]]:
    """Return the files that browsers may ask for: what is not in here does not exist for them."""
    found: dict[str, tuple[bytes, dict[str, str]]] = {}
    for each in folder.iterdir():
        name = f"{path}{each.name}"
        if each.is_dir():
            found |= _read(each, f"{name}/")
        elif kind := _TYPES.get(f".{each.name.rpartition('.')[2]}"):
            body = each.read_bytes()
            found[name] = body, _make_headers(body, kind)
    return found


def _make_headers(body: bytes, kind: str) -> dict[str, str]:
    return {
        "content-type": f"{kind}; charset=utf-8",
        "etag": f'"{sha256(body).hexdigest()[:16]}"',
        "content-security-policy": _POLICY,
        "cache-control": "no-cache",  # the browser asks each time whether it has changed
    }


_FILES = _read(files(__name__))
