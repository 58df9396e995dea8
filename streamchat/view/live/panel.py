"""A tool call as a panel: name, arguments as they come and as they were read, and result."""

from __future__ import annotations

from itertools import islice

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.segment import Segment
from rich.text import Text

from streamchat.text.sanitize import one_line, sanitize
from streamchat.turn import Fragments, ToolCall
from streamchat.view.formatting import MOST_OUTPUT, decoded, duration, shortened
from streamchat.view.glyphs import Glyphs, encodable, takes_unicode
from streamchat.view.markdown.inline import Span
from streamchat.view.raw import SEPARATOR
from streamchat.view.style import style

_WIDEST = 100
_MOST_FRAGMENTS = 600

Lines = list[list[Segment]]


def closed_panel(call: ToolCall, console: Console, width: int, marks: Glyphs) -> Lines:
    """Returns the lines of a call for good. What is long is shortened: a call may be of any size.

    Args:
        call: what to show. If it has not ended, it was stopped.
        console: knows how to lay out.
        width: of the terminal, in cells.
        marks: what to draw with.
    """
    state = call.state if call.ended else "failed"
    took = duration(call.seconds) if call.ended else "stopped"
    panel = Panel(
        Text("\n").join(_body(call, marks, console.encoding)),
        box=_box(console),
        title=_title(call, state, marks, console.encoding),
        title_align="left",
        subtitle=Text(took, style=style("dim")),
        subtitle_align="right",
        border_style=style(state),
        width=min(width, _WIDEST),
    )
    return console.render_lines(panel, console.options.update(width=width), pad=False)


def open_panel(call: ToolCall, console: Console, width: int, marks: Glyphs) -> Lines:
    """Returns the lines of a call that has not ended.

    They are open to the right, and so no longer than they must be: when the window gets narrower,
    a terminal wraps lines, and may push into its scrollback what is still to be wiped away.
    """
    look, sides = style(call.state), _box(console)
    body = Text("\n").join(_body(call, marks, console.encoding))
    rows = body.wrap(console, max(min(width, _WIDEST) - 4, 1))
    title = _title(call, call.state, marks, console.encoding)
    text = Text("\n").join(
        [
            Text.assemble((f"{sides.top_left}{sides.top} ", look), title),
            *(Text.assemble((f"{sides.mid_left} ", look), row) for row in rows),
            Text.assemble(
                (f"{sides.bottom_left}{sides.bottom} ", look), (call.state, style("dim"))
            ),
        ]
    )
    return console.render_lines(text, console.options.update(width=width), pad=False)


def _box(console: Console) -> box.Box:
    return box.ROUNDED if takes_unicode(console.encoding) else box.ASCII


def short_line(call: ToolCall, width: int) -> list[Span]:
    """Returns the call in a line, with the end of its arguments or its result."""
    name = one_line(call.name, 20) or "unnamed"
    if call.ended:
        detail = one_line(call.output, max(width - len(name) - 4, 1))
    else:
        detail = one_line(_fragments(call.fragments)[-max((width - len(name)) // 2, 1) :])
    return [(name, call.state), (f" {detail}", "dim")]


def _title(call: ToolCall, state: str, marks: Glyphs, encoding: str) -> Text:
    name = encodable(one_line(call.name, 64), encoding) or "unnamed"
    mark = {"done": f" {marks.done}", "failed": f" {marks.failed}"}.get(state, "")
    return Text.assemble((name, style("strong")), (mark, style(state)))


def _body(call: ToolCall, marks: Glyphs, encoding: str) -> list[Text]:
    def text(words: str, look: str = "") -> Text:
        return Text(encodable(sanitize(words), encoding), style=style(look))

    lines = [text(_fragments(call.fragments), "dim")] if call.fragments else []
    if call.arguments is not None:
        lines.append(text(decoded(call.arguments)))
    if call.ended:
        output = text(shortened(call.output, MOST_OUTPUT), "failed" if call.failed else "strong")
        lines.append(Text.assemble((f"{marks.result} ", style("dim")), output))
    return lines


def _fragments(fragments: Fragments) -> str:
    """Returns the fragments, of very many the last ones."""
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
