"""Arguments that the user has edited, who has seen them without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streamchat.agent.source import Approval
from streamchat.text.redact import REDACTED

_MASK = re.compile(rf".{{3}}{re.escape(REDACTED)}", re.DOTALL)
"""What is shown of a secret."""


def read_edit(text: str) -> Approval:
    """Return an approval of a call with the arguments that a user has typed.

    Raises:
        ValueError: they are no JSON object.
    """
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the arguments are not valid JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise ValueError("the arguments are not a JSON object")
    return Approval(True, arguments=arguments)


def restore_secrets(edited: Any, original: Any, redact: Callable[[str], str]) -> Any:
    """Return the edited value with the secrets that are redacted in what was left alone.

    Args:
        edited: what the user has made of the value.
        original: the value as the model sent it.
        redact: redacts a text.
    """
    if edited == hide_secrets(original, redact):
        return original
    match edited, original:
        case Mapping(), Mapping():
            return {
                name: restore_secrets(each, original[name], redact) if name in original else each
                for name, each in edited.items()
            }
        case list(), list() if len(edited) == len(original):
            pairs = zip(edited, original, strict=True)
            return [restore_secrets(*pair, redact) for pair in pairs]
        case _:
            return edited


def hide_secrets(value: Any, redact: Callable[[str], str]) -> Any:
    """Return the value with secrets redacted in all texts, as events have it."""
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {redact(name): hide_secrets(each, redact) for name, each in value.items()}
        case list():
            return [hide_secrets(each, redact) for each in value]
        case _:
            return value


def find_mask(edited: Any, original: Any, redact: Callable[[str], str]) -> str:
    """Return what stands for a secret in a text that the user has changed; empty if nothing does.

    Args:
        edited: what `restore_secrets` has returned.
        original: the value as the model sent it.
        redact: redacts a text.
    """
    known = set(_list_texts(original))
    masks = {mask for text in known if redact(text) != text for mask in _MASK.findall(redact(text))}
    changed = set(_list_texts(edited)) - known
    return next((mask for mask in sorted(masks) if any(mask in each for each in changed)), "")


def _list_texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for name, each in value.items():
                yield from (name, *_list_texts(each))
        case list():
            for each in value:
                yield from _list_texts(each)
