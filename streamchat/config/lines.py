"""Finds the line of each key in a TOML text, which `tomllib` does not report."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, TypeAlias

_DEPTH = 5
"""How many names a key may have: profile, its name, mcp, a server's name, a key."""
_CLOSERS = re.compile(r"\"\"\"|'''|[\]}]")

Keys: TypeAlias = tuple[str, ...]
"""The names that lead to a value, those of its tables first."""


def find_lines(text: str) -> dict[Keys, int]:
    """Return the line, counted from 1, on which the statement of each key begins.

    Each statement is parsed by itself, so quoted and dotted keys, inline tables, and multi-line
    strings that look like statements are understood as the parser understands them.

    Args:
        text: valid TOML.
    """
    found: dict[Keys, int] = {}
    table: Keys = ()
    for line, statement in _split_statements(text.replace("\r\n", "\n")):
        keys = list(_iter_keys(tomllib.loads(statement)))
        if statement.lstrip().startswith("["):
            table = max(keys, key=len)
        else:
            keys = [(*table, *each) for each in keys]
        for each in keys:
            found.setdefault(each, line)
    return found


def _split_statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each statement, the fewest lines that parse, after the number of its first line."""
    held: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        held.append(line)
        # Parsing a long string again after each of its lines would take quadratic time.
        if (len(held) == 1 or _CLOSERS.search(line)) and _is_valid("\n".join(held)):
            yield number - len(held) + 1, "\n".join(held)
            held = []


def _is_valid(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _iter_keys(content: dict[str, Any], depth: int = _DEPTH) -> Iterator[Keys]:
    for name, value in content.items():
        yield (name,)
        if isinstance(value, dict) and depth > 1:
            yield from ((name, *rest) for rest in _iter_keys(value, depth - 1))
