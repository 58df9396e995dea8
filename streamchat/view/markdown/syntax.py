"""What a line of Markdown can begin with, and the cells of a table row."""

from __future__ import annotations

import re
from functools import cache

MAX_AMBIGUOUS = 500
"""Characters after which an ambiguous line is taken for text, or for a row of a table."""
MAX_DEPTH = 20
"""How deep quotes and items nest; markers beyond that are text."""
HEADING = re.compile(r"(#{1,6})(?:[ \t]{1,400}|$)")
FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})[ \t]*(.*)")
RULE = re.compile(r"(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})")
ITEM = re.compile(r"([-+*]|\d{1,9}[.)])( {1,4}(?! )|[ \t]|$)")
_UNDECIDED = re.compile(
    r"""\#{1,6}[ \t]* | `{1,2} | ~{1,2} | `{3,}[^`]* | ~{3,}.* | \+[ \t]*
    | (?:-[ \t]*)+ | (?:\*[ \t]*)+ | (?:_[ \t]*)+ | \d{1,9}(?:[.)][ \t]*)?""",
    re.VERBOSE,
)
_CELL_END = re.compile(r"(?<!\\)\|")
_DELIMITER = re.compile(r" *:?-+:? *")


@cache
def compile_quotes(limit: int) -> re.Pattern[str]:
    """Return a pattern for the markers of up to this many nested quotes."""
    return re.compile(rf"(?: {{0,3}}> ?){{1,{limit}}}")


def is_undecided(content: str) -> bool:
    """Whether more of the line is needed to tell what it is."""
    short = len(content) <= MAX_AMBIGUOUS
    return content.startswith("|") or (short and bool(_UNDECIDED.fullmatch(content)))


def split_indent(line: str) -> tuple[int, str]:
    """Return how many columns the line is indented by, and the rest of it."""
    content = line.lstrip(" \t")
    return len(line[: len(line) - len(content)].expandtabs(4)), content


def split_cells(line: str) -> list[str]:
    """Return the source of each cell in a row that may be incomplete."""
    return [cell.strip() for cell in _CELL_END.split(line.strip().removeprefix("|"))]


def split_row(line: str) -> list[str]:
    """Return the source of each cell in a complete row, whose last bar is optional."""
    cells = split_cells(line)
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def read_alignments(line: str) -> list[str]:
    """Return each column's alignment if the line is a delimiter row, otherwise nothing."""
    cells = split_row(line)
    if not all(_DELIMITER.fullmatch(cell) for cell in cells):
        return []
    colons = [(cell.startswith(":"), cell.endswith(":")) for cell in cells]
    return ["center" if all(both) else "right" if both[1] else "left" for both in colons]


class Fence:
    """The fence that opens a code block.

    Args:
        mark: its backticks or tildes.
        indent: how many columns it is indented by.
    """

    def __init__(self, mark: str, indent: int) -> None:
        self._mark = mark
        self._indent = indent

    def strip_indent(self, line: str) -> str:
        """Return a line of code without the fence's own indentation."""
        return line[min(self._indent, len(line) - len(line.lstrip(" "))) :]

    def is_closed_by(self, line: str) -> bool:
        """Whether this complete line is the closing fence."""
        indent, content = split_indent(line)
        mark = content.rstrip(" \t")
        near = indent < self._indent + 4 and len(line) <= MAX_AMBIGUOUS
        return near and mark.startswith(self._mark) and not mark.strip(mark[0])

    def may_be_closed_by(self, line: str) -> bool:
        """Whether a line that begins like this can become the closing fence."""
        return len(line) <= MAX_AMBIGUOUS and not line.strip(" \t").strip(self._mark[0])
