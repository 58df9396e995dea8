"""What a line of Markdown can begin with, and the cells of a table row."""

from __future__ import annotations

import re
from functools import cache

MAX_AMBIGUOUS = 500
"""Characters after which an ambiguous line is taken for text, or for a row of a table."""
MAX_LABEL = 60
"""Characters of a title that is underlined, or before the first bar in a row of a table."""
MAX_DEPTH = 20
"""How deep quotes and items nest; markers beyond that are text."""
HEADING = re.compile(r"(#{1,6})(?:[ \t]{1,400}|$)")
FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})[ \t]*(.*)")
RULE = re.compile(r"(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})")
ITEM = re.compile(r"([-+*]|\d{1,9}[.)])( {1,4}(?! )|[ \t]|$)")
TASK = re.compile(r"\[([ xX])\][ \t]{1,400}(?=[^ \t])")
UNDERLINE = re.compile(r"(?:(=+)|-{2,})[ \t]*")
_UNDECIDED = re.compile(
    r"""\#{1,6}[ \t]* | `{1,2} | ~{1,2} | `{3,}[^`]* | ~{3,}.* | \+[ \t]*
    | (?:-[ \t]*)+ | (?:\*[ \t]*)+ | (?:_[ \t]*)+ | \d{1,9}(?:[.)][ \t]*)?
    | (?:[-+*] | \d{1,9}[.)])[ \t]+\[(?:[ xX](?:\][ \t]*)?)?""",
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
    return len(content) <= MAX_AMBIGUOUS and bool(_UNDECIDED.fullmatch(content))


def may_underline(held: str, content: str) -> bool:
    """Whether a line that begins like this can make the held one a heading or a header."""
    if is_row(held) and not content.strip("-|: "):
        return True
    return len(content) <= MAX_AMBIGUOUS and not content.strip("-= \t")


def split_indent(line: str, start: int = 0) -> tuple[int, str]:
    """Return the column where the text of a line that begins at `start` begins, and the text."""
    content = line.lstrip(" \t")
    return len((" " * start + line[: len(line) - len(content)]).expandtabs(4)), content


def strip_indent(line: str, column: int, start: int = 0) -> str:
    """Return a line that begins at `start` without its indentation up to the column."""
    reached = start
    for at, character in enumerate(line):
        if reached >= column or character not in " \t":
            # A tab can reach beyond the column.
            return " " * (reached - column) + line[at:]
        reached += 1 if character == " " else 4 - reached % 4
    return " " * (reached - column)


def may_be_row(line: str) -> bool:
    """Whether a line that begins like this can be a row of a table, headers included."""
    soon = len(line) <= MAX_LABEL or bool(_CELL_END.search(line[:MAX_LABEL]))
    return line.startswith("|") or (soon and len(line) <= MAX_AMBIGUOUS)


def is_row(line: str) -> bool:
    """Whether the line can be a row of a table, as far as it has arrived."""
    return may_be_row(line) and bool(_CELL_END.search(line))


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
        return strip_indent(line, self._indent)

    def is_closed_by(self, line: str) -> bool:
        """Whether this complete line is the closing fence."""
        indent, content = split_indent(line)
        mark = content.rstrip(" \t")
        near = indent < self._indent + 4 and len(line) <= MAX_AMBIGUOUS
        return near and mark.startswith(self._mark) and not mark.strip(mark[0])

    def may_be_closed_by(self, line: str) -> bool:
        """Whether a line that begins like this can become the closing fence."""
        return len(line) <= MAX_AMBIGUOUS and not line.strip(" \t").strip(self._mark[0])
