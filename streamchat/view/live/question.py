"""A question that one key answers, on a line or a few of our own whatever is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap as wrap_text

from rich.cells import cell_len

from streamchat.events import ANSWER_TOOL
from streamchat.text.sanitize import SafeText, cut, join, one_line, sanitize
from streamchat.turn import ToolCall, Turn
from streamchat.view.glyphs import Glyphs
from streamchat.view.markdown.inline import Span
from streamchat.view.question import Choice, KeyQuestion

_MOST = 1_000
"""Characters of a question that are looked at; no window is as wide."""
_END = 2
"""Characters at the end of a question that are always shown: a parenthesis and the mark."""


def lay_out(question: KeyQuestion, turn: Turn, columns: int, glyphs: Glyphs) -> list[list[Span]]:
    """Return the lines of a question: one if all fits on it.

    Args:
        question: what is asked.
        turn: the turn in which it is.
        columns: how many a line may take.
        glyphs: the characters to draw with.
    """
    position = format_position(turn) if question.counted else ""
    mark = f"{glyphs.question} "
    room = max(columns - len(mark) - len(position), 1)
    text = shorten_question(question.text, room, glyphs.ellipsis)
    asked: list[Span] = [(mark, "strong"), (position, "dim"), (text, "")]
    lines = _draw_problem(question.problem, columns, glyphs)
    choices = _draw_choices(question.choices, columns, f" {glyphs.dot} ")
    gap: Span = ("  ", "")
    if question.detail:
        details = wrap_text(one_line(question.detail, _MOST), columns, break_on_hyphens=False)
        return [*lines, asked, *([(each, "")] for each in details), *choices]
    if len(choices) == 1 and _measure([*asked, gap, *choices[0]]) <= columns:
        return [*lines, [*asked, gap, *choices[0]]]
    return [*lines, asked, *choices]


def _draw_problem(problem: str, columns: int, glyphs: Glyphs) -> list[list[Span]]:
    mark = f"{glyphs.failed} "
    shown = one_line(problem, max(columns - len(mark), 1))
    return [[(mark, "failed"), (shown, "")]] if problem else []


def _draw_choices(choices: Sequence[Choice], columns: int, between: str) -> list[list[Span]]:
    """Return the choices on as few lines as possible, in a word each unless all fit on one."""
    whole: list[Span] = []
    for choice in choices:
        whole += [(between, "dim")] * bool(whole) + _draw_choice(choice, choice.does)
    if _measure(whole) <= columns:
        return [whole]
    lines: list[list[Span]] = [[]]
    for choice in choices:
        drawn = _draw_choice(choice, choice.brief or choice.does)
        if lines[-1] and _measure([*lines[-1], (between, ""), *drawn]) > columns:
            lines.append([])
        lines[-1] += [(between, "dim")] * bool(lines[-1]) + drawn
    return lines


def _draw_choice(choice: Choice, does: str) -> list[Span]:
    return [(choice.key, "strong"), (f" {does}", "dim")]


def _measure(spans: Sequence[Span]) -> int:
    return sum(cell_len(text) for text, _ in spans)


def shorten_question(text: str, columns: int, ellipsis: str) -> SafeText:
    """Return as much of a question as fits on a line, with its end."""
    line = one_line(text[:_MOST], _MOST)
    end = sanitize(text[-_END:])
    if len(text) <= _MOST and cell_len(line) <= columns:
        return line
    room = max(columns - cell_len(ellipsis) - len(end), 0)
    while cell_len(line) > room:
        line = cut(line, 0, -max((cell_len(line) - room) // 2, 1))
    return join(line, sanitize(ellipsis), end)


def format_position(turn: Turn) -> str:
    """Return which question about a message's calls is asked, if there are several: "1 of 2: "."""
    calls = [
        each
        for each in turn.blocks[turn.message_at :]
        if isinstance(each, ToolCall) and each.name != ANSWER_TOOL
    ]
    before = sum(each.approval is not None and each.approval.by == "user" for each in calls)
    after = sum(each.state == "arriving" for each in calls)
    return f"{before + 1} of {before + 1 + after}: " if before + after else ""
