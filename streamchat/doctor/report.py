"""What was found out about a server: a table on a terminal, lines on a pipe, or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TextIO

from streamchat.doctor.findings import Finding, Verdict, is_usable
from streamchat.process.tty import can_repaint
from streamchat.view.jsonl import JsonLines

_NARROW = 72
"""Columns below which two cells stand above each other."""
_HEADS = ("subject", "verdict", "seen", "streamchat")
_STYLES: dict[Verdict, str] = {
    "ok": "green",
    "different": "yellow",
    "missing": "yellow",
    "wrong": "bold red",
}


def show_report(findings: Sequence[Finding], out: TextIO) -> None:
    """Writes the findings for a person, and whether the server can be used.

    Raises:
        OSError: the output is gone.
    """
    if can_repaint(out):
        _show_table(findings, out)
    else:
        for each in findings:
            parts = (each.verdict, each.observed, each.consequence)
            out.write(f"{each.subject}: {'; '.join(parts)}\n")
    out.write(f"usable: {'yes' if is_usable(findings) else 'no'}\n")
    out.flush()


def write_json(findings: Sequence[Finding], out: TextIO) -> None:
    """Writes an object for each finding, ASCII only, and one that tells whether all is well.

    Raises:
        OSError: the output is gone.
    """
    lines = JsonLines(out)
    for finding in findings:
        lines.write(asdict(finding))
    lines.write({"usable": is_usable(findings)})


def _show_table(findings: Sequence[Finding], out: TextIO) -> None:
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
    narrow = console.width < _NARROW
    for head in ("subject\nverdict", "seen\nstreamchat") if narrow else _HEADS:
        table.add_column(head, overflow="fold")
    for each in findings:
        verdict = cell(each.verdict, _STYLES[each.verdict])
        cells = (cell(each.subject), verdict, cell(each.observed), cell(each.consequence, "dim"))
        if narrow:
            table.add_row(Group(*cells[:2]), Group(*cells[2:]))
        else:
            table.add_row(*cells)
    console.print(table)
