"""Emphasis, code and links inside a paragraph, as it streams.

The rules are CommonMark's, adapted to streaming and to a terminal:

- Marks with no match within `REACH` characters are text, so all but the last few words of a
  paragraph are final, however long it is.
- A mark between letters or digits opens nothing: `2*3*4` and `x**2` are formulas. `__init__` is a
  name.
- A link shows its address. References (`[text][1]`) and their definitions, HTML, entities and the
  backslashes of formulas stay as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[str, str]
"""Text, and the names of its styles separated by spaces."""

REACH = 400
"""The maximum length, in characters, of emphasis, code and labels."""

_MAX_DEPTH = 4
"""How many nested marks `Inline.peek` guesses will be closed."""
_ORDINARY = re.compile(r"[^\\`*_~!\[]+")
_RUN = re.compile(r"`+|\*+|_+|~+")
_MARK = re.compile(r"\\.|`+|\*+|_+|~+", re.DOTALL)
_DUNDER = re.compile(r"__[a-z][a-z0-9_]*__")
_ESCAPABLE = "\\`*_~#|<>+-.!"
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]", re.DOTALL)
_TARGET = re.compile(
    r"""\(\ *
    (<[^<>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)  # the address
    (?:\ +(?:"[^"\n]*"|'[^'\n]*'))?                 # the title, not shown
    \ *\)""",
    re.VERBOSE,
)
_STYLES = {
    "*": ("emphasis", "strong", "strong emphasis"),
    "_": ("emphasis", "strong", "strong emphasis"),
    "~": ("", "strike", ""),
}


class _UndecidedError(Exception):
    """Later characters can still change what a mark means."""


class Inline:
    """The text of one paragraph, heading, item or cell.

    Args:
        style: the names of the styles that all of it has.
    """

    def __init__(self, style: str = "") -> None:
        self._style = style
        self._before = "\n"
        self._open = ""

    def feed(self, text: str, *, final: bool = False) -> list[Span]:
        """Return the spans that have become final: all of them if no more text will follow."""
        text = self._open + text
        spans, end = _parse(text, self._before, self._style, final)
        self._before = text[end - 1] if end else self._before
        self._open = text[end:]
        return spans

    def peek(self, more: str = "") -> list[Span]:
        """Return the spans after the final ones, guessing that open marks will be closed.

        Args:
            more: text that may follow.
        """
        text = self._open + more
        spans, end = _parse(text, self._before, self._style, final=False) if more else ([], 0)
        before = text[end - 1] if end else self._before
        return spans + _guess(text[end:], before, self._style, _MAX_DEPTH)


def render_inline(text: str, style: str = "") -> list[Span]:
    """Return the spans of a complete text."""
    return Inline(style).feed(text, final=True)


def _add_style(style: str, more: str) -> str:
    return f"{style} {more}".strip()


def _parse(text: str, before: str, style: str, final: bool) -> tuple[list[Span], int]:
    """Return the spans that are decided, and where the rest begins."""
    spans: list[Span] = []
    at = 0
    while at < len(text):
        if ordinary := _ORDINARY.match(text, at):
            spans.append((ordinary.group(), style))
            at = ordinary.end()
            continue
        try:
            marked, at = _parse_mark(text, at, text[at - 1] if at else before, style, final)
        except _UndecidedError:
            break
        spans += marked
    return spans, at


def _parse_mark(text: str, at: int, before: str, style: str, final: bool) -> tuple[list[Span], int]:
    """Return the spans that the mark at `at` begins, and where they end.

    Raises:
        _UndecidedError: more text is needed.
    """
    match text[at]:
        case "\\":
            return _parse_escape(text, at, style, final)
        case "`":
            return _parse_code(text, at, style, final)
        case "!" | "[":
            return _parse_link(text, at, style, final)
        case _:
            return _parse_emphasis(text, at, before, style, final)


def _parse_escape(text: str, at: int, style: str, final: bool) -> tuple[list[Span], int]:
    follows = _get_character(text, at + 1, final)
    shown = follows if follows and follows in _ESCAPABLE else "\\" + follows
    return [(shown, style)], at + 1 + len(follows)


def _get_character(text: str, at: int, final: bool) -> str:
    """Return the character at `at`, or nothing at the end of a final text."""
    if at >= len(text) and not final:
        raise _UndecidedError
    return text[at : at + 1]


def _match_run(text: str, at: int, final: bool) -> str:
    run = _RUN.match(text, at)
    assert run
    _get_character(text, run.end(), final)  # more marks may follow
    return run.group()


def _parse_code(text: str, at: int, style: str, final: bool) -> tuple[list[Span], int]:
    run = _match_run(text, at, final)
    begin = at + len(run)
    end = _find_code_end(text, at, begin, final)
    if end is None:
        return [(run, style)], begin
    inner = text[begin : end - len(run)].replace("\n", " ")
    if inner[0] == inner[-1] == " " and inner.strip():
        inner = inner[1:-1]
    return [(inner, _add_style(style, "code"))], end


def _find_code_end(text: str, at: int, begin: int, final: bool) -> int | None:
    """Return where the code ends whose opening mark extends from `at` to `begin`."""
    for start, run in _find_runs(text, begin, at, re.compile("`+"), final):
        if len(run) == begin - at:
            return start + len(run)
    return None


def _find_runs(
    text: str, begin: int, at: int, pattern: re.Pattern[str], final: bool
) -> Iterator[tuple[int, str]]:
    """Yield the position and text of each mark from `begin` on that is within reach of `at`.

    Raises:
        _UndecidedError: more marks may follow.
    """
    while (found := pattern.search(text, begin)) and found.start() <= at + REACH:
        if found.end() == len(text) and not final:
            raise _UndecidedError
        yield found.start(), found.group()
        begin = found.end()
    if not final and len(text) <= at + REACH:
        raise _UndecidedError


def _parse_emphasis(
    text: str, at: int, before: str, style: str, final: bool
) -> tuple[list[Span], int]:
    run = _match_run(text, at, final)
    begin = at + len(run)
    more = _find_style(run, before, _get_character(text, begin, final))
    end = _find_emphasis_end(text, at, run, final) if more else None
    if end is None:
        return [(run, style)], begin
    if run == "__" and _DUNDER.fullmatch(text, at, end):
        return [(text[at:end], style)], end
    inner, _ = _parse(text[begin : end - len(run)], run[0], _add_style(style, more), final=True)
    return inner, end


def _find_style(run: str, before: str, after: str) -> str:
    """Return the style that a mark between these characters opens, or nothing if it is text."""
    intraword = before.isalnum() and (run[0] == "_" or before.isascii())
    if len(run) > 3 or intraword or not after or after.isspace():
        return ""
    return _STYLES[run[0]][len(run) - 1]


def _find_emphasis_end(text: str, at: int, run: str, final: bool) -> int | None:
    code_until = 0
    for start, mark in _find_runs(text, at + len(run), at, _MARK, final):
        if start < code_until:
            continue
        end = start + len(mark)
        if mark[0] == "`":
            code_until = _find_code_end(text, start, end, final) or 0
            continue
        if mark[0] == run[0] and _closes(run, mark, text[start - 1], text[end : end + 1]):
            return end
    return None


def _closes(run: str, mark: str, before: str, after: str) -> bool:
    if before.isspace() or len(mark) not in (len(run), 3):
        return False
    if run[0] == "_":
        return not after.isalnum()
    return len(run) > 1 or not (after.isalnum() and after.isascii())


def _parse_link(text: str, at: int, style: str, final: bool) -> tuple[list[Span], int]:
    begin = at + (text[at] == "!")
    if _get_character(text, begin, final) != "[":
        return [("!", style)], begin
    label = _LABEL.match(text, begin, at + REACH)
    if not label:
        return _reject_link(text, at, begin, style, final or len(text) >= at + REACH)
    if _get_character(text, label.end(), final) != "(":
        return _reject_link(text, at, begin, style, True)
    target = _TARGET.match(text, label.end(), at + 2 * REACH)
    if not target:
        limit = at + 2 * REACH
        broken = text.find("\n", label.end(), limit) >= 0
        return _reject_link(text, at, begin, style, final or broken or len(text) >= limit)
    return _render_link(label.group(1), target.group(1).strip("<>"), style), target.end()


def _reject_link(text: str, at: int, begin: int, style: str, sure: bool) -> tuple[list[Span], int]:
    if not sure:
        raise _UndecidedError
    return [(text[at : begin + 1], style)], begin + 1


def _render_link(label: str, address: str, style: str) -> list[Span]:
    name, _ = _parse(label, "[", _add_style(style, "link"), final=True)
    if address in ("", label, f"mailto:{label}"):
        return name
    return [*name, (f" ({address})" if name else address, _add_style(style, "url"))]


def _guess(text: str, before: str, style: str, depth: int) -> list[Span]:
    """Return the undecided text as if the marks it opens were closed at its end."""
    run = _RUN.match(text)
    if not text or text == "\\" or (run and run.end() == len(text)):
        return []  # a mark alone is not shown before it turns out to be text
    if not run:
        return _guess_link(text, style)
    mark = run.group()
    inner = text[len(mark) :]
    if mark[0] == "`":
        return [(inner.rstrip("`").replace("\n", " "), _add_style(style, "code"))]
    if mark == "__":
        return [(text, style)]  # as likely as not, this begins a name
    if not depth:
        return [(text, style)]
    more = _add_style(style, _find_style(mark, before, inner[0]))
    spans, end = _parse(inner, mark[0], more, final=False)
    return spans + _guess(inner[end:], inner[end - 1] if end else mark[0], more, depth - 1)


def _guess_link(text: str, style: str) -> list[Span]:
    label = _LABEL.match(text, text[0] == "!")
    if not label or text[label.end() : label.end() + 1] != "(":
        return [(text, style)]
    name, _ = _parse(label.group(1), "[", _add_style(style, "link"), final=True)
    address = text[label.end() + 1 :]
    if label.group(1).startswith(address):
        return name
    return [*name, (f" ({address}" if name else address, _add_style(style, "url"))]
