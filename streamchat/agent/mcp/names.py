"""The names by which the model calls the tools of servers."""

from __future__ import annotations

import re
from collections.abc import Iterable

_INVALID = re.compile("[^a-zA-Z0-9_-]")
_LONGEST = 64


def clean_name(name: str) -> str:
    """Return a name made of the characters that any model takes."""
    return _INVALID.sub("_", name)[:_LONGEST]


def choose_names(
    offered: Iterable[tuple[str, str]], taken: Iterable[str]
) -> dict[tuple[str, str], str]:
    """Return the names by which the model calls tools, by their servers and names there.

    A name that several servers or another tool have gets the server's before it, and so does one
    that looks as if another server had been put before it.
    """
    pairs = list(offered)
    names = [name for _, name in pairs]
    servers = {server for server, _ in pairs}
    used = set(taken)
    chosen: dict[tuple[str, str], str] = {}
    for server, name in pairs:
        is_shared = name in used or names.count(name) > 1
        misleads = any(name.startswith(f"{other}_") for other in servers - {server})
        wanted = f"{server}_{name}"[:_LONGEST] if is_shared or misleads else name
        chosen[server, name] = _number(wanted, used)
        used.add(chosen[server, name])
    return chosen


def _number(name: str, used: set[str]) -> str:
    """Return the name, or if it is used, the name with the first number that makes it unique."""
    number, unique = 1, name
    while unique in used:
        number += 1
        unique = f"{name[: _LONGEST - 4]}_{number}"
    return unique
