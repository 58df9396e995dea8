"""What a command needs from the user: a session to resume, a key, a question."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Mapping
from dataclasses import replace
from getpass import getpass
from time import monotonic
from typing import Any

import typer

from streamchat.cli.failures import redactor
from streamchat.config import Settings, SettingsError
from streamchat.config.checks import check_setting
from streamchat.process.stdio import print_error

_HINT_AFTER = 1.0
"""Seconds to wait for standard input before saying so."""
_CHUNK = 1 << 16
_OF_A_MODEL = (
    *("model", "base_url", "temperature", "max_steps", "system"),
    *("tools", "builtin_tools", "tool_timeout", "mcp", "mcp_config"),
)
"""Settings that an agent does not have."""


def choose_session(
    settings: Settings, *, last: bool, id: str | None = None, new: bool = False
) -> str | None:
    """Return the session to resume, as `open_conversation` takes it.

    Raises:
        SettingsError: the options contradict each other.
    """
    if last + new + (id is not None) > 1:
        raise SettingsError("use only one of --continue, --resume and --new")
    if (last or id is not None) and not settings.save:
        raise SettingsError("--no-save cannot be combined with --continue or --resume")
    if id is not None and not id.strip():
        raise SettingsError("--resume needs a session ID; streamchat sessions list shows them")
    if last:
        from streamchat.sessions.opening import LAST

        return LAST
    return id


def is_model_chosen(flags: Mapping[str, Any]) -> bool:
    """Whether the user chose the model for this run, so that a resumed session does not."""
    from streamchat.config.sources import load_sources

    loaded = load_sources(flags)
    return not loaded.settings.agent and loaded.is_chosen("model")


def check_agent(flags: Mapping[str, Any], *, no_tools: bool = False) -> None:
    """Check the form of the agent that the settings name, if any, and that all flags apply to it.

    Raises:
        SettingsError: the text names no agent, or a flag does not go with that.
    """
    from streamchat.config.sources import load_sources

    loaded = load_sources(flags)
    if not loaded.settings.agent:
        return
    from streamchat.agent.target.errors import TargetError
    from streamchat.agent.target.name import parse_target

    place = loaded.locate("agent")
    try:
        parse_target(loaded.settings.agent)
    except TargetError as error:
        raise SettingsError(f"{place}: {error}") from None
    given = [*loaded.list_flags(*_OF_A_MODEL), *(["--no-tools"] if no_tools else [])]
    if given:
        raise SettingsError(
            f"{given[0]} cannot be combined with {_name_flag(place)}: "
            "an agent has its own model, tools and instructions"
        )


def check_tools(flags: Mapping[str, Any], *, no_tools: bool, watch: bool = False) -> None:
    """Check the form of the places of tools that the settings name.

    Raises:
        SettingsError: a text names no place, or the flags contradict each other.
    """
    from streamchat.config.sources import load_sources

    loaded = load_sources(flags)
    for flag in loaded.list_flags("tools", "mcp", "mcp_config") if no_tools else ():
        raise SettingsError(f"{flag} cannot be combined with --no-tools")
    has_tools = loaded.settings.tools and not no_tools
    if watch and not (loaded.settings.agent or has_tools):
        raise SettingsError(
            "--watch needs code of your own: --agent FILE.py:NAME or --tools FILE.py"
        )
    from streamchat.agent.own_tools.place import parse_place
    from streamchat.agent.target.errors import TargetError

    for text in loaded.settings.tools:
        try:
            parse_place(text)
        except TargetError as error:
            raise SettingsError(f"{loaded.locate('tools')}: {error}") from None


def _name_flag(place: str) -> str:
    return place if place.startswith("--") else f"the agent from {place}"


def complete_key(settings: Settings) -> Settings:
    """Return the settings with a key typed without echo, if OpenAI needs one and has none.

    Without a terminal to type on, nothing changes. The redactor learns the key.

    Raises:
        SettingsError: the input cannot be a key.
    """
    redactor.learn(*settings.secrets)
    if not settings.needs_key or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return settings
    key = check_setting("the key", "api_key", _ask_for_key())
    redactor.learn(key)
    return replace(settings, api_key=key)


def _ask_for_key() -> str:
    # typer.prompt shows the prompt before it turns echo off: a key pasted at once would show.
    try:
        while not (key := getpass("OpenAI API key: ", sys.stderr).strip()):
            pass
    except EOFError:
        typer.echo(err=True)
        raise typer.Abort from None
    except SystemExit:  # a signal
        typer.echo(err=True)
        raise
    except UnicodeDecodeError:
        typer.echo(err=True)
        raise SettingsError("the key must be UTF-8 text") from None
    return key


def read_question(prompt: str | None, timeout: float) -> str:
    """Return the question, after the text that was piped in.

    Args:
        prompt: the argument; `-` or None reads standard input alone.
        timeout: seconds to wait for each piece of input on a pipe.

    Raises:
        SettingsError: there is no question, or it is not text.
    """
    question = "" if prompt in (None, "-") else prompt or ""
    if prompt is not None and not question.strip() and prompt != "-":
        raise SettingsError("the question is empty")
    piped = ""
    if prompt == "-" or not sys.stdin.isatty():
        piped = _read_stdin(timeout, required=not question)
    whole = "\n\n".join(part for part in (piped.strip("\n"), question) if part.strip())
    if not whole:
        raise SettingsError('no question; try: streamchat ask "What is 10 + 10"')
    return whole


def _read_stdin(timeout: float, *, required: bool) -> str:
    """Read standard input to its end.

    An idle pipe must not hang the program: if nothing at all arrives in time and the input is not
    required, it is ignored.
    """
    pieces: list[bytes] = []
    interactive = sys.stdin.isatty()
    while True:
        if not interactive and not _wait_for_stdin(timeout, first=not pieces):
            if pieces or required:
                raise SettingsError(f"no input for {timeout:g} s, and standard input is still open")
            print_error(f"no input for {timeout:g} s; asking without standard input")
            return ""
        piece = os.read(sys.stdin.fileno(), _CHUNK)
        if not piece:
            break
        pieces.append(piece)
    try:
        return b"".join(pieces).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError("standard input is not UTF-8 text") from None


def _wait_for_stdin(timeout: float, *, first: bool) -> bool:
    """Wait until a read would not block; return False if that takes too long."""
    started = monotonic()
    if first and not select.select([sys.stdin], [], [], min(timeout, _HINT_AFTER))[0]:
        print_error("reading standard input (add </dev/null if there is none)")
    left = timeout - (monotonic() - started)
    return bool(select.select([sys.stdin], [], [], max(left, 0))[0])
