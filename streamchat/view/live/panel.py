"""A tool call as a panel: name, arguments as they arrive and as decoded, and result."""

from __future__ import annotations

from itertools import islice

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.segment import Segment
from rich.text import Text

from streamchat.text.fragments import Fragments
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

_WIDEST = 100
_MOST_FRAGMENTS = 600

Lines = list[list[Segment]]


def draw_closed_panel(call: ToolCall, console: Console, width: int, glyphs: Glyphs) -> Lines:
    """Return the final lines of a call. Long parts are shortened: a call may be of any size.

    Args:
        call: the call to show. If it has not ended, it was stopped.
        console: lays the panel out.
        width: the terminal's, in cells.
        glyphs: the characters to draw with.
    """
    state = call.state if call.ended else "failed"
    took = format_duration(call.seconds) if call.ended else "stopped"
    panel = Panel(
        Text("\n").join(_body(call, glyphs, console.encoding)),
        box=_box(console),
        title=_title(call, state, glyphs, console.encoding),
        title_align="left",
        subtitle=Text(took, style=get_style("dim")),
        subtitle_align="right",
        border_style=get_style(state),
        width=min(width, _WIDEST),
    )
    return console.render_lines(panel, console.options.update(width=width), pad=False)


def draw_open_panel(call: ToolCall, console: Console, width: int, glyphs: Glyphs) -> Lines:
    """Return the lines of a call that has not ended.

    The panel is open to the right, which keeps its lines short: a terminal wraps lines when the
    window gets narrower, and may push rows into its scrollback that are still to be erased.
    """
    border, sides = get_style(call.state), _box(console)
    body = Text("\n").join(_body(call, glyphs, console.encoding))
    rows = body.wrap(console, max(min(width, _WIDEST) - 4, 1))
    title = _title(call, call.state, glyphs, console.encoding)
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


def _box(console: Console) -> box.Box:
    return box.ROUNDED if supports_unicode(console.encoding) else box.ASCII


def draw_line(call: ToolCall, width: int) -> list[Span]:
    """Return the call in one line, with the end of its arguments or its result."""
    name = format_tool_name(call.name, 20)
    if call.ended:
        detail = one_line(call.output, max(width - len(name) - 4, 1))
    else:
        detail = one_line(_join_fragments(call.fragments)[-max((width - len(name)) // 2, 1) :])
    return [(name, call.state), (f" {detail}", "dim")]


def _title(call: ToolCall, state: str, glyphs: Glyphs, encoding: str) -> Text:
    name = escape_unencodable(format_tool_name(call.name), encoding)
    mark = {"done": f" {glyphs.done}", "failed": f" {glyphs.failed}"}.get(state, "")
    return Text.assemble((name, get_style("strong")), (mark, get_style(state)))


def _body(call: ToolCall, glyphs: Glyphs, encoding: str) -> list[Text]:
    def text(content: str, names: str = "") -> Text:
        return Text(escape_unencodable(sanitize(content), encoding), style=get_style(names))

    lines = [text(_join_fragments(call.fragments), "dim")] if call.fragments else []
    if call.arguments is not None:
        lines.append(text(format_arguments(call.arguments)))
    if call.ended:
        output = text(shorten(call.output, MAX_OUTPUT), "failed" if call.failed else "strong")
        lines.append(Text.assemble((f"{glyphs.result} ", get_style("dim")), output))
    return lines


def _join_fragments(fragments: Fragments) -> str:
    """Return the fragments; only the last ones of very many."""
    kept: list[str] = []
    length = 0
    for fragment in islice(reversed(fragments), _MOST_FRAGMENTS):
        kept.append(fragment + SEPARATOR)
        length += len(kept[-1])
        if length > _MOST_FRAGMENTS:
            break
    text = "".join(reversed(kept))[-_MOST_FRAGMENTS:]
    before = fragments.characters + len(fragments) - len(text)
    return f"({before:,} characters before) {text}" if before > 0 else text
