"""A tool call as a panel: name, arguments as they come and as they were read, and result."""

from __future__ import annotations

from itertools import islice

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.segment import Segment
from rich.text import Text

from streamchat.safe import one_line, safe
from streamchat.turn import Fragments, ToolCall
from streamchat.view.inline import Piece
from streamchat.view.marks import Marks, encodable, takes_unicode
from streamchat.view.raw import SEPARATOR
from streamchat.view.style import style
from streamchat.view.words import decoded, shortened

_WIDEST = 100
_MOST_FRAGMENTS = 600
_MOST_OUTPUT = 2_000
ENDED = ("done", "failed")
"""The states of a call that do not change any more."""


def panel_lines(
    call: ToolCall, console: Console, width: int, marks: Marks, *, over: bool
) -> list[list[Segment]]:
    """Returns the panel's lines. What is long is shortened: a call may be of any size.

    Args:
        call: what to show.
        console: knows how to lay out.
        width: of the terminal, in cells.
        marks: what to draw with.
        over: whether the turn is, so that nothing more will come.
    """
    state = "failed" if over and call.state not in ENDED else call.state
    took = {"arriving": "arriving", "running": "running"}.get(call.state, f"{call.seconds:.2f} s")
    panel = Panel(
        Text("\n").join(_body(call, marks, console.encoding)),
        box=box.ROUNDED if takes_unicode(console.encoding) else box.ASCII,
        title=_title(call, state, marks, console.encoding),
        title_align="left",
        subtitle=Text("stopped" if state != call.state else took, style=style("dim")),
        subtitle_align="right",
        border_style=style(state),
        width=min(width, _WIDEST),
    )
    return console.render_lines(panel, console.options.update(width=width), pad=False)


def short_line(call: ToolCall, width: int) -> list[Piece]:
    """Returns the call in a line, with the end of its arguments or its result."""
    name = one_line(call.name, 20) or "unnamed"
    if call.state in ENDED:
        detail = one_line(call.output, max(width - len(name) - 4, 1))
    else:
        detail = one_line(_fragments(call.fragments)[-max((width - len(name)) // 2, 1) :])
    return [(name, call.state), (f" {detail}", "dim")]


def _title(call: ToolCall, state: str, marks: Marks, encoding: str) -> Text:
    name = encodable(one_line(call.name, 40), encoding) or "unnamed"
    mark = {"done": f" {marks.done}", "failed": f" {marks.failed}"}.get(state, "")
    return Text.assemble((name, style("strong")), (mark, style(state)))


def _body(call: ToolCall, marks: Marks, encoding: str) -> list[Text]:
    def text(words: str, look: str = "") -> Text:
        return Text(encodable(safe(words), encoding), style=style(look))

    lines = [text(_fragments(call.fragments), "dim")]
    if call.arguments is not None:
        lines.append(text(decoded(call.arguments)))
    if call.state in ENDED:
        output = text(shortened(call.output, _MOST_OUTPUT), "failed" if call.failed else "strong")
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
    before = sum(map(len, fragments)) + len(fragments) - len(text) if len(fragments) else 0
    return f"({before:,} characters before) {text}" if before > 0 else text
