"""Tables of short texts: drawn on a terminal, lines of tab-separated cells on a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypeAlias

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeText, one_line

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

Cell: TypeAlias = tuple[SafeText, str]
"""A cell's text, and the names of its styles in `view.style`."""


def cell(text: str, style: str = "") -> Cell:
    """Return a cell whose text is one line of at most 300 characters."""
    return one_line(text), style


@dataclass(frozen=True, slots=True)
class Layout:
    r"""The columns of a table.

    Attributes:
        columns: their heads.
        narrow: the heads of a narrow table, each naming the columns that share its own: one a
            line, or several on a line with ", " between, as in "title\nmodel, turns".
        narrow_below: the width in cells below which a table is narrow.
        unbroken: the columns whose texts are never wrapped.
    """

    columns: Sequence[str]
    narrow: Sequence[str]
    narrow_below: int = 60
    unbroken: Sequence[str] = ()


def show_table(layout: Layout, rows: Iterable[Sequence[Cell]], out: TextIO) -> None:
    """Draw a table on a terminal; on a pipe write each row as a line of tab-separated texts.

    Raises:
        OSError: the output is gone.
    """
    if can_repaint(out):
        draw_table(layout, rows, out)
    else:
        out.writelines("\t".join(text for text, _ in row) + "\n" for row in rows)
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
        above: lines to write above the table, with an empty line after them.

    Raises:
        OSError: the output is gone.
    """
    # Rich is slow to import, and a pipe has no use for it.
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from streamchat.view.style import open_console

    console = open_console(out)
    heads = layout.narrow if console.width < layout.narrow_below else layout.columns
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    height = max(head.count("\n") for head in heads)
    for head in heads:
        missing = "\n" * (height - head.count("\n"))
        table.add_column(head + missing, no_wrap=head in layout.unbroken, overflow="fold")
    for row in rows:
        cells = dict(zip(layout.columns, row, strict=True))
        table.add_row(*(_stack(head, cells, console) for head in heads))
    lines = [_style(line, "", console) for line in above]
    console.print(*lines, *([""] if lines else []), table, sep="\n")
    out.flush()


def _stack(head: str, cells: Mapping[str, Cell], console: Console) -> Group:
    """Return the cells that share a column."""
    from rich.console import Group

    lines = []
    for line in head.split("\n"):
        beside = [cells[name] for name in line.split(", ")]
        text = ", ".join(text for text, _ in beside if text)
        lines.append(_style(text, beside[0][1], console))
    return Group(*lines)


def _style(text: str, names: str, console: Console) -> Text:
    from rich.text import Text

    from streamchat.view.glyphs import escape_unencodable
    from streamchat.view.style import style

    return Text(escape_unencodable(text, console.encoding), style(names), overflow="fold")
