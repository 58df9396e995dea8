"""The lines at the start of a chat: what answers here, and what to press."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from prompt_toolkit.utils import get_cwidth

from streamchat import __version__
from streamchat.agent.target.name import parse_target
from streamchat.config import Settings
from streamchat.models.embedded.summary import summarize_embedded
from streamchat.text.sanitize import one_line

_USUAL_PORTS = {"http": 80, "https": 443}
_HINTS = ("? keys", "/help commands", "@ file", "Ctrl-J newline", "Esc stop")
_DISPENSABLE = ("Ctrl-J newline", "@ file", "Esc stop", "/help commands")
"""Hints in the order in which they are left out of a narrow window."""


def format_welcome(settings: Settings, tools: int | None, columns: int, dot: str) -> str:
    """Return the program, its model and the number of its tools, as far as they fit on a line."""
    brand = f"streamchat {_shorten_version(__version__)}"
    counts = [] if tools is None else [_count_tools(tools)]
    lines = (f" {dot} ".join(parts) for parts in _vary(brand, describe_models(settings), *counts))
    return _find_fitting((f" {line}" for line in lines), columns)


def format_kind(kind: str, tools: int, separator: str) -> str:
    """Return what an agent is, and the number of its tools if it is known to have any."""
    return separator.join([one_line(kind, 120), *([_count_tools(tools)] if tools else [])])


def format_hints(columns: int) -> str:
    """Return what can be typed, as far as it fits on a line."""
    return _find_fitting((f" {'   '.join(hints)}" for hints in _leave_out_hints()), columns)


def format_plain_welcome(settings: Settings) -> str:
    """Return a sentence that says the same."""
    version = _shorten_version(__version__)
    return f"streamchat {version} with {describe_models(settings)[0]}. /help lists the commands."


def describe_models(settings: Settings) -> list[str]:
    """Return the agent, or the model and where it runs, the longest text first."""
    if settings.agent:
        target = parse_target(settings.agent)
        return [one_line(target.display, 120), one_line(Path(target.display).name, 60)]
    if settings.is_local:
        return [one_line(each, 120) for each in summarize_embedded(settings)]
    name = one_line(settings.model_name, 60)
    if settings.provider:
        return [name]
    return [f"{name} at {_find_host(settings.server_url or '')}", name]


def _vary(brand: str, models: list[str], *count: str) -> Iterator[tuple[str, ...]]:
    for model in models:
        yield brand, model, *count
        yield brand, model
    yield from ((model,) for model in models)


def _count_tools(tools: int) -> str:
    return f"{tools or 'no'} tool{'s' * (tools != 1)}"


def _leave_out_hints() -> Iterator[list[str]]:
    for count in range(len(_DISPENSABLE) + 1):
        yield [hint for hint in _HINTS if hint not in _DISPENSABLE[:count]]


def _find_fitting(lines: Iterable[str], columns: int) -> str:
    """Return the first line that fits, or the beginning of the last one."""
    line = ""
    for line in lines:
        if get_cwidth(line) < columns:
            return line
    return line[: max(columns - 1, 0)]


def _find_host(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    is_usual = parts.port in (None, _USUAL_PORTS.get(parts.scheme))
    return one_line(host if is_usual else f"{host}:{parts.port}", 80)


def _shorten_version(version: str) -> str:
    return version.removesuffix(".0")
