"""What a line of Markdown begins with."""

from __future__ import annotations

import re
from functools import cache

LONG = 500
"""Characters. A line that does not tell what it is within so many is text, or of a table."""
DEEPEST = 20
"""So many quotes or items can be inside one another; what looks like more is text."""
HEADING = re.compile(r"(#{1,6})(?:[ \t]{1,400}|$)")
FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})[ \t]*(.*)")
RULE = re.compile(r"(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})")
ITEM = re.compile(r"([-+*]|\d{1,9}[.)])( {1,4}(?! )|[ \t]|$)")
_UNDECIDED = re.compile(
    r"""\#{1,6}[ \t]* | `{1,2} | ~{1,2} | `{3,}[^`]* | ~{3,}.* | \+[ \t]*
    | (?:-[ \t]*)+ | (?:\*[ \t]*)+ | (?:_[ \t]*)+ | \d{1,9}(?:[.)][ \t]*)?""",
    re.VERBOSE,
)


@cache
def quotes_of(most: int) -> re.Pattern[str]:
    """Returns the pattern of the marks of so many quotes, at most."""
    return re.compile(rf"(?: {{0,3}}> ?){{1,{most}}}")


def is_undecided(content: str) -> bool:
    """Whether it takes more of the line to tell what it is."""
    short = len(content) <= LONG
    return content.startswith("|") or (short and bool(_UNDECIDED.fullmatch(content)))


def indented(line: str) -> tuple[int, str]:
    """Returns how far the line is indented, and what is on it."""
    content = line.lstrip(" \t")
    return len(line[: len(line) - len(content)].expandtabs(4)), content
