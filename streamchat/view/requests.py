"""What an agent asks the user, in lines of text that is not yet sanitized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamchat.events import InputRequested
from streamchat.view.formatting import MAX_OUTPUT, format_call, shorten

_MAX_CALL = 10_000
"""Characters of a call that are shown: the user is to know what is approved."""


def describe_request(requested: InputRequested) -> list[list[str]]:
    """Return the lines of the question, or those of each action: a call and its description.

    How to answer is said where that is typed.
    """
    if requested.actions:
        return [_describe_action(action) for action in requested.actions]
    return [shorten(requested.question, MAX_OUTPUT).splitlines() or [""]]


def format_request(requested: InputRequested, first: str, others: str) -> list[str]:
    """Return the lines of `describe_request`, each after what begins it.

    Args:
        requested: the request.
        first: begins the first line of the question or of an action.
        others: begins the lines below it.
    """
    return [
        (others if at else first) + line
        for lines in describe_request(requested)
        for at, line in enumerate(lines)
    ]


def _describe_action(action: Mapping[str, Any]) -> list[str]:
    call = format_call(str(action.get("name") or ""), action.get("arguments") or {})
    description = shorten(str(action.get("description") or ""), MAX_OUTPUT)
    return [shorten(call, _MAX_CALL), *description.splitlines()]
