"""A request about several calls in parts, for what is said about one must not run another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from streamchat.events import InputRequested
from streamchat.text.sanitize import one_line

_MAX_NAME = 60
"""Characters of a tool's name before the question about its call."""


def split_request(requested: InputRequested) -> list[tuple[str, InputRequested]]:
    """Return a request for each action, with what tells it apart if there are several."""
    count = len(requested.actions)
    if count < 2:
        return [("", requested)]
    return [
        (
            f"{number} of {count}, {one_line(str(action['name']), _MAX_NAME)}: ",
            replace(requested, actions=(action,)),
        )
        for number, action in enumerate(requested.actions, 1)
    ]


def join_answers(answers: Sequence[object]) -> object:
    """Return the answers to the parts of a request as the one to the request."""
    if len(answers) == 1:
        return answers[0]
    return [decision for each in answers for decision in cast(list[object], each)]


def is_complete(text: str) -> bool:
    """Whether a text answers for all actions by itself: JSON, or several lines."""
    return text.strip().startswith(("[", "{")) or "\n" in text.strip()


def count_answers(calls: int, left: Sequence[str]) -> int:
    """Return how many of the answers given beforehand that are left a request takes.

    It is one for each call; the last, or one that is complete, is for all of them.
    """
    return 1 if len(left) == 1 or is_complete(left[0]) else max(calls, 1)
