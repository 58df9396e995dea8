"""Rules about the calls of tools: the table `[approval]`, and a project's file of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from streamchat.config.checks import shorten
from streamchat.config.setting import SettingsError
from streamchat.config.toml import read_toml

APPROVAL = "approval"
PROJECT_FILE = ".streamchat.toml"
"""In the working directory. It may have come with a cloned project, so it is not trusted."""
_ACTIONS = ("allow", "ask", "deny")
_OF_A_PROJECT = ("ask", "deny")
_MOST_SHOWN = 60

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Names with `*`, and what is to be done with the calls of such tools."""


def read_rules(
    table: object,
    locate: Callable[..., str],
    *within: str,
    actions: Sequence[str] = _ACTIONS,
) -> Pairs:
    """Return the rules of a table.

    Args:
        table: what the file has as `approval`.
        locate: returns the file:line of keys.
        within: the keys of what contains the table, such as a profile.
        actions: those that the rules may have.

    Raises:
        SettingsError: the message begins with the line.
    """
    path = (*within, APPROVAL)
    if not isinstance(table, dict):
        raise SettingsError(
            f'{locate(*path)}: {".".join(path)} must be a table of lines such as "files.*" = "ask"'
        )
    pairs = []
    for keys, action in _flatten(table):
        name = ".".join(keys)
        if action not in actions:
            shown = json.dumps(shorten(name, _MOST_SHOWN), ensure_ascii=False)
            must = f"{', '.join(actions[:-1])} or {actions[-1]}"
            got = shorten(json.dumps(action, default=str), _MOST_SHOWN)
            raise SettingsError(
                f"{locate(*path, *keys)}: {'.'.join(path)}: {shown} must be {must} (got {got})"
            )
        pairs.append((name, action))
    return tuple(pairs)


def _flatten(table: dict[str, Any], *keys: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield keys and values: a name with dots and without quotes is a table for TOML."""
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, *keys, key)
        else:
            yield (*keys, key), value


def merge_rules(weaker: Pairs, stronger: Pairs) -> Pairs:
    """Return the rules of both; those for the same name are the stronger ones."""
    return tuple({**dict(weaker), **dict(stronger)}.items())


def read_project(path: Path = Path(PROJECT_FILE)) -> Pairs:
    """Return the rules of a project's file, which need not exist.

    It can only be stricter than the user: it says `ask` or `deny`.

    Raises:
        SettingsError: there is anything else in the file, or it cannot be read.
    """
    content, locate = read_toml(path, required=False)
    for name in content:
        if name != APPROVAL:
            shown = shorten(name, _MOST_SHOWN) or '""'
            raise SettingsError(f"{locate(name)}: {shown}: a project's file has only [approval]")
    return read_rules(content.get(APPROVAL, {}), locate, actions=_OF_A_PROJECT)
