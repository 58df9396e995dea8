"""A tool call as a panel: name, arguments as they arrive and as decoded, and result."""

from __future__ import annotations

from itertools import islice
from typing import TypeAlias

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.segment import Segment
from rich.text import Text

from streamchat.text.pieces import Pieces
from streamchat.text.sanitize import one_line, sanitize
from streamchat.turn import ToolCall
from streamchat.view.formatting import (
    MAX_OUTPUT,
    format_arguments,
    format_duration,
    format_tool_name,
    shorten,
)
from streamchat.view.glyphs import Glyphs, escape_unencodable, supports_unicode
from streamchat.view.markdown.inline import Span
from streamchat.view.raw import SEPARATOR
from streamchat.view.style import get_style

_MAX_WIDTH = 100
_MAX_FRAGMENTS = 600
"""Characters of a call's fragments that are shown."""

SegmentLines: TypeAlias = list[list[Segment]]


def draw_closed_panel(call: ToolCall, console: Console, width: int, glyphs: Glyphs) -> SegmentLines:
    """Return the final lines of a call, with long parts shortened.

    Args:
        call: the call to show; one that has not ended was stopped.
        console: lays the panel out.
        width: the terminal's, in cells.
        glyphs: the characters to draw with.
    """
    state = call.state if call.ended else "failed"
    took = format_duration(call.seconds) if call.ended else "stopped"
    panel = Panel(
        Text("\n").join(_build_body(call, glyphs, console.encoding)),
        box=_choose_box(console),
        title=_build_title(call, state, glyphs, console.encoding),
        title_align="left",
        subtitle=Text(took, style=get_style("dim")),
        subtitle_align="right",
        border_style=get_style(state),
        width=min(width, _MAX_WIDTH),
    )
    return console.render_lines(panel, console.options.update(width=width), pad=False)


def draw_open_panel(call: ToolCall, console: Console, width: int, glyphs: Glyphs) -> SegmentLines:
    """Return the lines of a call that has not ended.

    The panel has no right border, which keeps its lines short: when the window gets narrower, the
    terminal wraps longer ones, and may push rows into the scrollback that must still be erased.
    """
    border, sides = get_style(call.state), _choose_box(console)
    body = Text("\n").join(_build_body(call, glyphs, console.encoding))
    rows = body.wrap(console, max(min(width, _MAX_WIDTH) - 4, 1))
    title = _build_title(call, call.state, glyphs, console.encoding)
    text = Text("\n").join(
        [
            Text.assemble((f"{sides.top_left}{sides.top} ", border), title),
            *(Text.assemble((f"{sides.mid_left} ", border), row) for row in rows),
            Text.assemble(
                (f"{sides.bottom_left}{sides.bottom} ", border), (call.state, get_style("dim"))
            ),
        ]
    )
    return console.render_lines(text, console.options.update(width=width), pad=False)


def _choose_box(console: Console) -> box.Box:
    return box.ROUNDED if supports_unicode(console.encoding) else box.ASCII


def draw_line(call: ToolCall, width: int) -> list[Span]:
    """Return the call on one line, with the end of its arguments or its result."""
    name = format_tool_name(call.name, 20)
    if call.ended:
        detail = one_line(call.output, max(width - len(name) - 4, 1))
    else:
        detail = one_line(_join_fragments(call.fragments)[-max((width - len(name)) // 2, 1) :])
    return [(name, call.state), (f" {detail}", "dim")]


def _build_title(call: ToolCall, state: str, glyphs: Glyphs, encoding: str) -> Text:
    name = escape_unencodable(format_tool_name(call.name), encoding)
    mark = {"done": f" {glyphs.done}", "failed": f" {glyphs.failed}"}.get(state, "")
    return Text.assemble((name, get_style("strong")), (mark, get_style(state)))


def _build_body(call: ToolCall, glyphs: Glyphs, encoding: str) -> list[Text]:
    def style(content: str, names: str = "") -> Text:
        return Text(escape_unencodable(sanitize(content), encoding), style=get_style(names))

    lines = [style(_join_fragments(call.fragments), "dim")] if call.fragments else []
    if call.arguments is not None:
        lines.append(style(format_arguments(call.arguments)))
    if call.ended:
        output = style(shorten(call.output, MAX_OUTPUT), "failed" if call.failed else "strong")
        lines.append(Text.assemble((f"{glyphs.result} ", get_style("dim")), output))
    return lines


def _join_fragments(fragments: Pieces) -> str:
    """Return the fragments, each followed by the separator; of very many, only the last."""
    kept: list[str] = []
    length = 0
    for fragment in islice(reversed(fragments), _MAX_FRAGMENTS):
        kept.append(fragment + SEPARATOR)
        length += len(kept[-1])
        if length > _MAX_FRAGMENTS:
            break
    text = "".join(reversed(kept))[-_MAX_FRAGMENTS:]
    before = fragments.characters + len(fragments) - len(text)
    return f"({before:,} earlier characters) {text}" if before > 0 else text
