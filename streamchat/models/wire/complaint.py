"""Finds the words in which a server reports an error, whatever the shape of the JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# Without case, underscores and hyphens; the most telling first.
_FIELDS = (
    *("message", "errormessage", "msg", "errormsg", "errmsg", "statusmsg", "detail"),
    *("errordescription", "error", "errors", "err", "title", "reason"),
    *("fault", "faultstring", "baseresp", "response"),
)
_MAX_DEPTH = 5


def find_message(body: object) -> str:
    """Return the server's words in the body of an error, or else the body as JSON."""
    return _find_words(body) or (json.dumps(body, default=str) if isinstance(body, dict) else "")


def find_error(value: Mapping[str, Any]) -> object:
    """Return the error in an object that should be a chunk or a completion; None if it is one.

    An object with neither choices nor usage that carries a message is an error, whatever it is
    called. So is an error beside or inside a choice.
    """
    if error := value.get("error"):
        told = isinstance(error, dict | list) and _find_words(error)
        others = {name: each for name, each in value.items() if name != "error"}
        return value if not told and _find_words(others) else error
    if value.get("object") == "error" or value.get("type") == "error":
        return value
    choices = value.get("choices")
    if isinstance(choices, list) and choices:
        found = (each.get("error") for each in choices if isinstance(each, dict))
        return next(filter(None, found), None)
    return value if not value.get("usage") and _find_words(value) else None


def _find_words(body: object, depth: int = 0) -> str:
    match body:
        case str():
            return body
        case list() if depth < _MAX_DEPTH:
            return "; ".join(filter(None, (_find_words(each, depth + 1) for each in body[:5])))
        case dict() if depth < _MAX_DEPTH:
            fields = {_normalize(name): value for name, value in body.items()}
            found = (_find_words(fields.get(name), depth + 1) for name in _FIELDS)
            location = body.get("loc")  # of a field, as FastAPI reports it
            place = ".".join(map(str, location)) + ": " if isinstance(location, list) else ""
            message = next(filter(None, found), "")
            return place + message if message else ""
        case _:
            return ""


def _normalize(name: object) -> str:
    return str(name).lower().replace("_", "").replace("-", "")
