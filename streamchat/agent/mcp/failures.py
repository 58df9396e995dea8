"""Why a server cannot be used, in a few words: what the SDK and its HTTP library raise."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
from mcp.shared.exceptions import McpError
from mcp.types import CONNECTION_CLOSED
from pydantic import ValidationError

from streamchat.agent.mcp.state import ServerError
from streamchat.text.sanitize import one_line

_LONGEST = 200
"""Characters of what another program says."""
_LOGIN = (401, 403)


def describe_failure(error: BaseException, name: str) -> str:
    """Return why a session ended, as a predicate; `name` is the server's."""
    causes = list(_iter_leaves(error))
    for cause in causes:
        if isinstance(cause, ServerError | httpx.HTTPError):
            return _describe(cause, name)
    return _describe(causes[0], name)


def is_over(error: McpError) -> bool:
    """Whether the session is over, so that another one is needed."""
    # The SDK's HTTP transport says so if the server has forgotten the session.
    return error.error.code == CONNECTION_CLOSED or error.error.message == "Session terminated"


def _iter_leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _iter_leaves(each)
    else:
        yield error


def _describe(error: BaseException, name: str) -> str:
    match error:
        case ServerError():
            return str(error)
        case httpx.HTTPStatusError(response=response):
            return _describe_status(response.status_code, str(error), name)
        case httpx.HTTPError():
            return f"cannot be reached: {_shorten(error)}"
        case McpError() if is_over(error):
            return "has no MCP server at this address"
        case McpError():
            return f"refused: {_shorten(error)}"
        case ValidationError():
            return f"does not speak MCP: {_shorten(error)}"
        case _:
            return f"has failed: {_shorten(error)}"


def _describe_status(status: int, text: str, name: str) -> str:
    if status in _LOGIN:
        return f"asks for a login; set a header, for example Authorization, in [mcp.{name}]"
    if 300 <= status < 400:
        return one_line(text, _LONGEST)
    return f"answers with HTTP status {status}"


def _shorten(error: BaseException) -> str:
    return one_line(str(error) or type(error).__name__, _LONGEST)
