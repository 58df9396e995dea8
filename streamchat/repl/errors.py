"""What the commands of the chat raise, and how an error reads."""

from __future__ import annotations

from streamchat.config import ModelError, SettingsError
from streamchat.sessions import StoreError


class CommandError(Exception):
    """A command failed; the message is one line that says why."""


def is_expected(error: Exception) -> bool:
    """Whether the error's message is meant for the user."""
    return isinstance(error, CommandError | ModelError | SettingsError | StoreError)


def describe_error(error: Exception) -> str:
    """Return what happened, in one line."""
    if is_expected(error):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error} (/verbose shows where)"
