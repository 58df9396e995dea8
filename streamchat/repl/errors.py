"""What the commands of the chat raise, and how an error reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def describe_exit(program: str, status: int) -> str:
    """Return how a program that has failed ended; a negative status is a signal."""
    if status < 0:
        return f"{program} was ended by signal {-status}"
    return f"{program} failed with exit status {status}"


@contextmanager
def catch_errors(report: Callable[[Exception], None]) -> Iterator[None]:
    """Pass on what callbacks and background tasks raise in this context.

    By itself prompt-toolkit shows a traceback and waits for Enter.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            report(error)

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(before)
