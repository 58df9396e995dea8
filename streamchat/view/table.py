"""Rows of short texts: a table on a terminal, lines with tabs on a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import time
from typing import Protocol, TextIO

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import one_line
from streamchat.view.formatting import age

_NARROW = 60
"""Columns below which all but the first cell of a row stand above each other."""


class Listed(Protocol):
    """What is shown of a session in a list."""

    @property
    def id(self) -> str:
        """What it is named by."""

    @property
    def title(self) -> str:
        """What it is about."""

    @property
    def model(self) -> str:
        """Who answered last."""

    @property
    def turns(self) -> int:
        """How many there are."""

    @property
    def updated(self) -> float:
        """Seconds since 1970 (UTC)."""


def show_sessions(sessions: Iterable[Listed], out: TextIO) -> None:
    """Writes a list of sessions.

    Raises:
        OSError: the output is gone.
    """
    rows = (
        (each.id, each.title, each.model, str(each.turns), age(time() - each.updated))
        for each in sessions
    )
    show_table(("ID", "title", "model", "turns", "age"), rows, out)


def show_table(heads: Sequence[str], rows: Iterable[Sequence[str]], out: TextIO) -> None:
    """Writes the rows; on a pipe each is a line without the heads, and a tab between two cells.

    Args:
        heads: what stands above the columns of a table.
        rows: of as many cells each. The first is short and never broken, the second matters most.
        out: where to.

    Raises:
        OSError: the output is gone.
    """
    shown = [[one_line(cell) for cell in row] for row in rows]
    if can_repaint(out):
        _draw(heads, shown, out)
    else:
        out.writelines("\t".join(row) + "\n" for row in shown)
    out.flush()


def _draw(heads: Sequence[str], rows: Iterable[Sequence[str]], out: TextIO) -> None:
    # Rich is slow to import, and a pipe has no use for it.
    from rich.box import SIMPLE_HEAD
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

    from streamchat.view.glyphs import encodable

    console = Console(file=out, highlight=False, markup=False, emoji=False)

    def cell(text: str, style: str = "") -> Text:
        return Text(encodable(text, console.encoding), style, overflow="fold")

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    first, second, *others = heads
    narrow = console.width < _NARROW
    table.add_column(f"{first}\n" if narrow else first, no_wrap=True)
    for head in [f"{second}\n{', '.join(others)}"] if narrow else (second, *others):
        table.add_column(head, overflow="fold")
    for id, main, *rest in rows:
        if narrow:
            table.add_row(cell(id), Group(cell(main), cell(", ".join(filter(None, rest)), "dim")))
        else:
            table.add_row(cell(id), cell(main), *(cell(each, "dim") for each in rest))
    console.print(table)
