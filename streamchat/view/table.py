"""Tables of short texts: drawn on a terminal, written as tab-separated lines to a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypeAlias

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeOutput, SafeText, join, one_line, sanitize

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

Cell: TypeAlias = tuple[SafeText, str]
"""A cell's text, and the names of its styles in `view.style`."""
_LINE_FEED = sanitize("\n")


def cell(text: str, style: str = "") -> Cell:
    """Return a cell whose text is one line of at most 300 characters."""
    return one_line(text), style


@dataclass(frozen=True, slots=True)
class Layout:
    r"""The columns of a table.

    Attributes:
        columns: their headings.
        narrow: the headings of a narrow table, in which columns are stacked. Each names the columns
            stacked below it: one per line, or several separated by ", " that share a line, as in
            "title\nmodel, turns".
        narrow_below: the width, in cells, of the narrowest terminal that gets the full table.
        unbroken: the headings of columns whose texts are never wrapped.
    """

    columns: Sequence[str]
    narrow: Sequence[str]
    narrow_below: int = 60
    unbroken: Sequence[str] = ()


def show_table(layout: Layout, rows: Iterable[Sequence[Cell]], out: TextIO) -> None:
    """Draw a table on a terminal; to a pipe, write each row as a line of tab-separated texts.

    Raises:
        OSError: the output is gone.
    """
    if can_repaint(out):
        draw_table(layout, rows, out)
    else:
        write_rows(rows, out)


def write_rows(rows: Iterable[Sequence[Cell]], out: SafeOutput) -> None:
    """Write each row as a line of tab-separated texts."""
    for row in rows:
        out.write(join(*(text for text, _ in row), separator="\t"))
        out.write(_LINE_FEED)
    out.flush()


def draw_table(
    layout: Layout,
    rows: Iterable[Sequence[Cell]],
    out: TextIO,
    *,
    above: Iterable[SafeText] = (),
) -> None:
    """Draw a table on a terminal.

    Args:
        layout: the columns.
        rows: a cell for each column.
        out: the terminal.
        above: lines to write above the table, followed by an empty line.

    Raises:
        OSError: the output is gone.
    """
    # Rich is slow to import, and a pipe has no use for it.
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from streamchat.view.style import open_console

    console = open_console(out)
    headings = layout.narrow if console.width < layout.narrow_below else layout.columns
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    height = max(heading.count("\n") for heading in headings)
    for heading in headings:
        padding = "\n" * (height - heading.count("\n"))
        table.add_column(heading + padding, no_wrap=heading in layout.unbroken, overflow="fold")
    for row in rows:
        cells = dict(zip(layout.columns, row, strict=True))
        table.add_row(*(_stack(heading, cells, console) for heading in headings))
    lines = [_style(line, "", console) for line in above]
    console.print(*lines, *([""] if lines else []), table, sep="\n")
    out.flush()


def _stack(heading: str, cells: Mapping[str, Cell], console: Console) -> Group:
    """Return the cells that the heading names, stacked."""
    from rich.console import Group

    lines = []
    for line in heading.split("\n"):
        row = [cells[name] for name in line.split(", ")]
        text = join(*(text for text, _ in row if text), separator=", ")
        lines.append(_style(text, row[0][1], console))
    return Group(*lines)


def _style(text: SafeText, names: str, console: Console) -> Text:
    from rich.text import Text

    from streamchat.view.glyphs import escape_unencodable
    from streamchat.view.style import get_style

    return Text(escape_unencodable(text, console.encoding), get_style(names), overflow="fold")
