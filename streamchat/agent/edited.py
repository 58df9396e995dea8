"""Arguments that the user has edited, who has seen them without secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


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
