"""A table: drawn on a terminal, lines on a pipe."""

from __future__ import annotations

import io

import pytest

from streamchat.text.sanitize import sanitize
from streamchat.view.table import Cell, Layout, draw_table, show_table

LAYOUT = Layout(
    columns=("name", "value", "from"), narrow=("name", "value\nfrom"), narrow_below=30
)  # fmt: skip


def row(*texts: str) -> list[Cell]:
    return [(sanitize(text), "dim" if text == "default" else "") for text in texts]


ROWS = [row("model", "gpt-4o", "default"), row("key", "set", "the environment")]


def show_on_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = io.StringIO()
    draw_table(LAYOUT, ROWS, out, above=[sanitize("file: none")])
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_wide_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert show_on_terminal(80, monkeypatch) == [
        "file: none",
        "",
        "name    value    from",
        "─" * 32,
        "model   gpt-4o   default",
        "key     set      the environment",
    ]


def test_columns_are_merged_in_a_narrow_window(monkeypatch: pytest.MonkeyPatch) -> None:
    assert show_on_terminal(29, monkeypatch) == [
        "file: none",
        "",
        "name    value",
        "        from",
        "─" * 23,
        "model   gpt-4o",
        "        default",
        "key     set",
        "        the environment",
    ]


def test_a_pipe_gets_lines() -> None:
    out = io.StringIO()
    show_table(LAYOUT, ROWS, out)
    assert out.getvalue() == "model\tgpt-4o\tdefault\nkey\tset\tthe environment\n"
