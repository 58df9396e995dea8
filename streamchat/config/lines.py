"""On which line of a TOML text each key stands, which no parser tells."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, TypeAlias

_DEPTH = 3
"""Names down to which keys are looked for: profile, its name, its setting."""
_CLOSERS = re.compile(r"\"\"\"|'''|[\]}]")

Keys: TypeAlias = tuple[str, ...]
"""The names on the way to a value, those of its tables first."""


def lines_of(text: str) -> dict[Keys, int]:
    """Returns for each key the line, counted from 1, on which its statement begins.

    The parser itself reads each statement, so that quoted and dotted keys, inline tables, and
    texts of several lines that look like statements are what they are.

    Args:
        text: valid TOML.
    """
    found: dict[Keys, int] = {}
    table: Keys = ()
    for line, statement in _statements(text.replace("\r\n", "\n")):
        keys = list(_keys(tomllib.loads(statement)))
        if statement.lstrip().startswith("["):
            table = max(keys, key=len)
        else:
            keys = [(*table, *each) for each in keys]
        for each in keys:
            found.setdefault(each, line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """A statement is the lines that can be read without those that follow."""
    held: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        held.append(line)
        # Reading a long text again with each of its lines would take long.
        if (len(held) == 1 or _CLOSERS.search(line)) and _can_be_read("\n".join(held)):
            yield number - len(held) + 1, "\n".join(held)
            held = []


def _can_be_read(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _keys(content: dict[str, Any], depth: int = _DEPTH) -> Iterator[Keys]:
    for name, value in content.items():
        yield (name,)
        if isinstance(value, dict) and depth > 1:
            yield from ((name, *rest) for rest in _keys(value, depth - 1))
