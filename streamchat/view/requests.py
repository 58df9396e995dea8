"""What an agent asks the user, in lines of text that is not yet sanitized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamchat.events import NOBODY, ApprovalGiven, ApprovalRequested, InputRequested
from streamchat.view.formatting import MAX_OUTPUT, format_call, format_keywords, shorten

_MAX_CALL = 10_000
"""Characters of a call that are shown: the user is to know what is approved."""
_DECIDERS = {"user": "the user", "rule": "a rule", "program": "the program"}


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


def format_approval_request(requested: ApprovalRequested) -> str:
    """Return the question whether a call may run, in one line."""
    return f"run {shorten(format_call(requested.name, requested.arguments), _MAX_CALL)}?"


def describe_approval(given: ApprovalGiven) -> str:
    """Return who decided what about a call, and why, in one line."""
    edited = given.approved and given.arguments is not None
    said = f": {given.reason}" if given.reason else ""
    what = "allowed" if given.approved else "refused"
    if given.reason == NOBODY:
        return f"{what}: {NOBODY}"
    with_ = f" with {format_keywords(given.arguments or {})}" if edited else ""
    return f"{what}{with_} by {_DECIDERS.get(given.by, given.by)}{said}"


def format_decision(given: ApprovalGiven | None) -> str:
    """Return what the user decided about a call, in a word or two; nothing if a rule did."""
    if given is None or given.by == "rule":
        return ""
    if not given.approved:
        return "refused"
    if given.arguments is not None:
        return "edited"
    # The only reason that the user has to approve a call is a rule that it becomes.
    return "approved, always" if given.by == "user" and given.reason else "approved"


def _describe_action(action: Mapping[str, Any]) -> list[str]:
    call = format_call(str(action.get("name") or ""), action.get("arguments") or {})
    description = shorten(str(action.get("description") or ""), MAX_OUTPUT)
    return [shorten(call, _MAX_CALL), *description.splitlines()]
