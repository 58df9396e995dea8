"""What a command is given: settings, a session to go on with, a key, a question."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

import typer

from streamchat.cli.failures import redactor
from streamchat.config import Settings, SettingsError, check_setting, load_settings
from streamchat.process.streams import print_error

_PATIENCE_WITH_STDIN = 1.0
_SETTINGS = (
    *("model", "base_url", "temperature", "max_steps", "timeout", "trace"),
    *("profile", "system", "max_history", "save"),
)


def settings_of(arguments: Mapping[str, Any]) -> Settings:
    """Returns the settings, with what a command's arguments say of them.

    Raises:
        SettingsError: one cannot be used.
    """
    return load_settings({name: arguments[name] for name in _SETTINGS if name in arguments})


def session_of(
    settings: Settings, *, last: bool, id: str | None = None, new: bool = False
) -> str | None:
    """Returns the session to go on with, as `open_conversation` takes it.

    Raises:
        SettingsError: the options contradict each other.
    """
    if last + new + (id is not None) > 1:
        raise SettingsError("only one of --continue, --resume and --new can be had")
    if (last or id is not None) and not settings.save:
        raise SettingsError("--no-save keeps nothing, so no session can go on with it")
    if id is not None and not id.strip():
        raise SettingsError("--resume needs the ID of a session: streamchat sessions list")
    return "" if last else id


def with_key(settings: Settings) -> Settings:
    """Asks for the key, unseen, where OpenAI was asked for and somebody is there to type it.

    Raises:
        SettingsError: what was typed is none.
    """
    redactor.learn(*settings.secrets)
    if not settings.needs_key or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return settings
    typed = typer.prompt("OpenAI API key", hide_input=True, err=True)
    key = check_setting("the key", "api_key", str(typed).strip())
    redactor.learn(key)
    return replace(settings, api_key=key)


def question_of(prompt: str | None, timeout: float) -> str:
    """Returns the question, with what was piped in before it.

    Raises:
        SettingsError: there is none, or it is not text.
    """
    asked = "" if prompt in (None, "-") else prompt or ""
    try:
        asked = os.fsencode(asked).decode()  # whatever the locale
    except UnicodeDecodeError:
        raise SettingsError("the question is not UTF-8 text") from None
    if prompt is not None and not asked.strip() and prompt != "-":
        raise SettingsError("the question is empty")
    piped = ""
    if prompt == "-" or not sys.stdin.isatty():
        piped = _piped(timeout, needed=not asked)
    question = "\n\n".join(part for part in (piped.strip("\n"), asked) if part.strip())
    if not question:
        raise SettingsError('no question: streamchat ask "What is 10 + 10"')
    return question


def _piped(timeout: float, *, needed: bool) -> str:
    """Reads standard input to its end.

    A program started with an idle pipe for its input must not hang on it: if nothing at all comes
    in time and there is a question anyhow, that is asked alone.
    """
    pieces: list[bytes] = []
    interactive = sys.stdin.isatty()
    while True:
        if not interactive and not _readable(timeout, first=not pieces):
            if pieces or needed:
                raise SettingsError(f"standard input did not end: nothing came for {timeout:g} s")
            print_error(f"nothing came on standard input for {timeout:g} s; asking without it")
            return ""
        piece = os.read(sys.stdin.fileno(), 1 << 16)
        if not piece:
            break
        pieces.append(piece)
    try:
        return b"".join(pieces).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError("standard input is not UTF-8 text") from None


def _readable(timeout: float, *, first: bool) -> bool:
    started = monotonic()
    if first and not select.select([sys.stdin], [], [], min(timeout, _PATIENCE_WITH_STDIN))[0]:
        print_error("reading standard input (end it, or start with </dev/null if there is none)")
    left = timeout - (monotonic() - started)
    return bool(select.select([sys.stdin], [], [], max(left, 0))[0])
