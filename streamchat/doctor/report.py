"""Shows the findings: as a table on a terminal, as lines on a pipe, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TextIO

from streamchat.doctor.findings import Finding, Verdict, is_usable
from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import SafeOutput, sanitize
from streamchat.view.jsonl import JsonLines
from streamchat.view.table import Layout, draw_table

_LAYOUT = Layout(
    columns=("subject", "verdict", "seen", "streamchat"),
    narrow=("subject\nverdict", "seen\nstreamchat"),
    narrow_below=72,
)
_STYLES: dict[Verdict, str] = {
    "ok": "done",
    "different": "running",
    "missing": "running",
    "wrong": "failed strong",
}


def show_report(findings: Sequence[Finding], out: TextIO) -> None:
    """Write the findings, and whether the server can be used, for people.

    Raises:
        OSError: the output is gone.
    """
    if can_repaint(out):
        _draw(findings, out)
    else:
        _list(findings, out)
    _conclude(findings, out)


def _list(findings: Sequence[Finding], out: SafeOutput) -> None:
    for each in findings:
        parts = (each.verdict, each.observed, each.consequence)
        out.write(sanitize(f"{each.subject}: {'; '.join(parts)}\n"))


def _conclude(findings: Sequence[Finding], out: SafeOutput) -> None:
    out.write(sanitize(f"usable: {'yes' if is_usable(findings) else 'no'}\n"))
    out.flush()


def write_json(findings: Sequence[Finding], out: TextIO) -> None:
    """Write an object for each finding, in ASCII, and one that says whether the server can be used.

    Raises:
        OSError: the output is gone.
    """
    lines = JsonLines(out)
    for finding in findings:
        lines.write(asdict(finding))
    lines.write({"usable": is_usable(findings)})


def _draw(findings: Sequence[Finding], out: TextIO) -> None:
    rows = (
        [
            (sanitize(each.subject), ""),
            (sanitize(each.verdict), _STYLES[each.verdict]),
            (sanitize(each.observed), ""),
            (sanitize(each.consequence), "dim"),
        ]
        for each in findings
    )
    draw_table(_LAYOUT, rows, out)
