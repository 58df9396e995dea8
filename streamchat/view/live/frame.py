"""The rules above and below a text: a panel without sides, so that no border is copied with it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from streamchat.text.sanitize import cut
from streamchat.view.live.drawing import Canvas, Moment
from streamchat.view.live.panel import choose_box, fit_width
from streamchat.view.style import LINE_BREAK, StyledText

MAX_LIVE_ROWS = 8


def count_live_rows(moment: Moment) -> int:
    """Return how many rows of text stay live while it is open what becomes of them."""
    return min(MAX_LIVE_ROWS, moment.lines // 3)


def draw_top(title: str, style: str, canvas: Canvas, moment: Moment) -> list[StyledText]:
    """Return the rule above a text, with a title unless that is empty."""
    sides, room = choose_box(canvas.console), fit_width(moment.columns)
    if not title:
        rule = canvas.palette.apply([(sides.top_left + sides.top * (room - 1), "dim")])
        return crop(rule, moment.columns)
    before = f"{sides.top_left}{sides.top} "
    after = " " + sides.top * (room - len(before) - len(title) - 1)
    spans = [(before, "dim"), (title, style), (after, "dim")]
    return crop(canvas.palette.apply(spans), moment.columns)


def draw_bottom(
    figures: Sequence[str], canvas: Canvas, moment: Moment, *, crossed: bool = False
) -> list[StyledText]:
    """Return a line break and the rule below a text, with figures in it."""
    sides = choose_box(canvas.console)
    if not figures:
        rule = sides.bottom_left + sides.bottom * (fit_width(moment.columns) - 1)
        return [LINE_BREAK, *canvas.palette.apply([(rule, "dim")])]
    corner = f"{sides.bottom_left}{sides.bottom} "
    lines = draw_figures(figures, canvas, moment.columns - len(corner), crossed=crossed)
    corners = [corner, *[" " * len(corner)] * (len(lines) - 1)]
    return [
        part
        for before, line in zip(corners, lines, strict=True)
        for part in (LINE_BREAK, *canvas.palette.apply([(before, "dim")]), *line)
    ]


def draw_figures(
    figures: Sequence[str], canvas: Canvas, columns: int, *, crossed: bool
) -> list[list[StyledText]]:
    """Return the figures on as few lines as possible, after a cross if `crossed`."""
    mark = f"{canvas.glyphs.failed} " if crossed else ""
    first, *others = wrap(figures, f" {canvas.glyphs.dot} ", columns - len(mark))
    apply = canvas.palette.apply
    return [apply([(mark, "failed"), (first, "dim")]), *(apply([(each, "dim")]) for each in others)]


def wrap(parts: Sequence[str], between: str, columns: int) -> list[str]:
    """Return the parts on as few lines as possible."""
    lines = [*parts[:1]]
    for part in parts[1:]:
        if cell_len(lines[-1] + between + part) <= columns:
            lines[-1] += between + part
        else:
            lines.append(part)
    return lines


def crop(parts: Sequence[StyledText], columns: int) -> list[StyledText]:
    """Return as much of a line as fits; its characters take one cell each."""
    cropped: list[StyledText] = []
    for text, style in parts:
        cropped.append((cut(text, 0, columns), style))
        columns = max(columns - len(text), 0)
    return cropped
