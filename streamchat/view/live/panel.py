"""A tool call as a panel: its name, its arguments as they arrive, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.panel import Panel
from rich.segment import Segment
from rich.text import Text

from streamchat.text.pieces import Pieces
from streamchat.text.sanitize import one_line, sanitize
from streamchat.turn import ToolCall
from streamchat.view.formatting import (
    format_arguments,
    format_duration,
    format_keywords,
    format_tool_name,
)
from streamchat.view.glyphs import Glyphs, escape_unencodable, supports_unicode
from streamchat.view.markdown.inline import Span
from streamchat.view.raw import SEPARATOR
from streamchat.view.requests import format_decision
from streamchat.view.style import get_style

_MAX_WIDTH = 80
_MAX_FRAGMENTS = 600
"""Characters of a call's fragments that are shown."""
_MAX_OUTPUT = 800
_MAX_LINES = 10
"""Characters and lines of a result that are shown."""
_AROUND_TITLE = 6
"""Cells that corners, lines and spaces take beside the title."""

SegmentLines: TypeAlias = list[list[Segment]]


@dataclass(frozen=True, slots=True)
class PanelState:
    """What a panel shows besides the call.

    Attributes:
        mark: stands before the name: a step of the spinner, or how the call ended.
        style: the name of the mark's style.
        footer: what was decided about the call, and how long it took, or takes if that is a second
            or more.
        hint: says what shows in full what is cut, such as ", /last shows all"; may be empty.
    """

    mark: str
    style: str
    footer: str
    hint: str = ""


def choose_state(
    call: ToolCall, glyphs: Glyphs, *, spinner: str, elapsed: float, over: bool, hint: str
) -> PanelState:
    """Return the state of a call's panel.

    Args:
        call: the call.
        glyphs: the characters to draw with.
        spinner: the mark of a call that has not ended.
        elapsed: seconds since the call came into its state.
        over: whether the turn is: then a call that has not ended was stopped.
        hint: the panel's.
    """
    if call.opened:
        return PanelState(glyphs.speaker, "running", "", hint)
    if call.ended:
        mark, style = (glyphs.failed, "failed") if call.failed else (glyphs.done, "done")
        took = "" if call.is_refused else format_duration(call.seconds)
        return PanelState(mark, style, _format_footer(call, took, glyphs), hint)
    if over:
        return PanelState(glyphs.failed, "failed", "stopped", hint)
    if call.is_asked:
        return PanelState(glyphs.question, "waiting", "waiting for approval", hint)
    # Counted in whole seconds, so that a second passes before the figure changes again.
    takes = f"{int(elapsed)} s" if call.state == "running" and elapsed >= 1 else ""
    return PanelState(spinner, call.state, _format_footer(call, takes, glyphs), hint)


def _format_footer(call: ToolCall, time: str, glyphs: Glyphs) -> str:
    return f" {glyphs.dot} ".join(filter(None, [format_decision(call.approval), time]))


def fit_width(columns: int) -> int:
    """Return the width of panels and rules in a window."""
    return min(columns, _MAX_WIDTH)


def draw_panel(
    call: ToolCall, state: PanelState, console: Console, columns: int, glyphs: Glyphs
) -> SegmentLines:
    """Return the lines of a call, with long parts shortened."""
    width = fit_width(columns)
    title, body = _Drafter(call, glyphs, console.encoding).draft(width - _AROUND_TITLE, state)
    panel = Panel(
        Text("\n").join(body),
        box=choose_box(console),
        title=title,
        title_align="left",
        subtitle=Text(state.footer, style=get_style("dim")),
        subtitle_align="right",
        border_style=get_style("failed" if state.style == "failed" else "dim"),
        width=width,
    )
    return console.render_lines(panel, console.options.update(width=columns), pad=False)


def choose_box(console: Console) -> box.Box:
    return box.ROUNDED if supports_unicode(console.encoding) else box.ASCII


def draw_line(call: ToolCall, state: PanelState, columns: int) -> list[Span]:
    """Return the call on one line, with the end of its arguments or its result."""
    name = format_tool_name(call.name, 20)
    taken = f" {state.footer}" if state.footer and not call.ended else ""
    columns = max(columns - len(state.mark) - 1 - len(taken), 1)
    if call.ended:
        detail = one_line(call.output, max(columns - len(name) - 4, 1))
    else:
        end = "".join(each + SEPARATOR for each in _take_last(call.code or call.fragments, columns))
        detail = one_line(end[-max((columns - len(name)) // 2, 1) :])
    return [(f"{state.mark} ", state.style), (name, "strong"), (f"{taken} {detail}", "dim")]


class _Drafter:
    """Decides what stands in the title and what in the body: short calls fit into the title."""

    def __init__(self, call: ToolCall, glyphs: Glyphs, encoding: str) -> None:
        self._call = call
        self._glyphs = glyphs
        self._encoding = encoding

    def draft(self, room: int, state: PanelState) -> tuple[Text, list[Text]]:
        """Return the title and the lines of the body.

        Args:
            room: the cells that the title may take.
            state: the panel's.
        """
        call, arrow = self._call, f" {self._glyphs.result} "
        # Rich gives a title its border's style.
        title = Text("", get_style("" if state.style == "failed" else "plain"))
        title += self._style(state.mark, state.style) + Text(" ")
        title += self._style(format_tool_name(call.name), "strong")
        body = [self._join_fragments()] if call.fragments or call.code else []
        if call.arguments is not None:
            short = self._style(f"({format_keywords(call.arguments)})")
            if _fits(title + short, room):
                title += short
            else:
                body.append(self._style(format_arguments(call.arguments)))
        if call.ended:
            output, cut = _cut_output(call.output, self._glyphs.ellipsis, state.hint)
            result = self._style(arrow, "dim") + self._style(
                output, "" if call.failed else "strong"
            )
            in_title = call.arguments is not None and not call.failed and not cut
            if in_title and len(body) == 1 and _fits(title + result, room):
                title += result
            else:
                body.append(Text.assemble((arrow.lstrip(), get_style("dim")), self._style(output)))
                body += [self._style(cut, "dim")] if cut else []
        return title, body

    def _style(self, content: str, names: str = "") -> Text:
        text = escape_unencodable(sanitize(content), self._encoding)
        return Text(text, style=get_style(names))

    def _join_fragments(self) -> Text:
        """Return the fragments, each followed by the separator; of very many, only the last."""
        fragments = self._call.code or self._call.fragments
        kept = _take_last(fragments, _MAX_FRAGMENTS)
        before = fragments.characters - sum(map(len, kept))
        text = self._style(f"({before:,} earlier characters) " if before else "", "dim")
        for fragment in kept:
            text += self._style(fragment, "dim")
            text.append(SEPARATOR, get_style("separator"))
        return text


def _take_last(fragments: Pieces, characters: int) -> Sequence[str]:
    """Return the last fragments, of about so many characters with their separators."""
    kept: list[str] = []
    for fragment in islice(reversed(fragments), characters):
        kept.append(fragment[-characters:])
        characters -= len(kept[-1]) + 1
        if characters <= 0:
            break
    return kept[::-1]


def _fits(text: Text, room: int) -> bool:
    return "\n" not in text.plain and cell_len(text.plain) <= room


def _cut_output(output: str, ellipsis: str, hint: str) -> tuple[str, str]:
    """Return the beginning of a result, and a line that says what is missing, if anything is."""
    lines = output[: _MAX_OUTPUT + 1].split("\n", _MAX_LINES)
    shown = "\n".join(lines[:_MAX_LINES])[:_MAX_OUTPUT]
    if len(shown) >= len(output.rstrip("\n")):
        return shown, ""
    left = output[len(shown) :].strip("\n")
    count = left.count("\n") + 1
    if shown.endswith("\n") or output[len(shown)] == "\n":
        return shown, f"{ellipsis} {count:,} more line{'s' * (count > 1)}{hint}"
    return shown, f"{ellipsis} {len(left):,} more characters{hint}"
