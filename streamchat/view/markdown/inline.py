"""Spans of Markdown inside a paragraph, as it streams.

The rules are those of CommonMark, with what streaming and a terminal ask for:

- A span that is not closed within `REACH` characters is none, and its marks are text. So a
  paragraph of any length can be shown for good but for its last few words.
- Between letters and digits a mark opens nothing: `2*3*4` and `x**2` are sums. `__init__` is a
  name.
- A link shows where it leads. References (`[text][1]`) and their definitions, HTML, entities and
  the backslashes of formulas stay as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

Piece: TypeAlias = tuple[str, str]
"""Text, and the names of its styles, with spaces between."""

REACH = 400
"""The most characters a span may have."""

_DEPTH = 4
"""How many spans inside one another are shown as open."""
_ORDINARY = re.compile(r"[^\\`*_~!\[]+")
_RUN = re.compile(r"`+|\*+|_+|~+")
_MARK = re.compile(r"\\.|`+|\*+|_+|~+", re.DOTALL)
_DUNDER = re.compile(r"__[a-z][a-z0-9_]*__")
_ESCAPABLE = "\\`*_~#|<>+-.!"
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]", re.DOTALL)
_TARGET = re.compile(
    r"""\(\ *
    (<[^<>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)  # the address
    (?:\ +(?:"[^"\n]*"|'[^'\n]*'))?                 # a title, which is not shown
    \ *\)""",
    re.VERBOSE,
)
_STYLES = {
    "*": ("emphasis", "strong", "strong emphasis"),
    "_": ("emphasis", "strong", "strong emphasis"),
    "~": ("", "strike", ""),
}


class _UndecidedError(Exception):
    """What follows can still change what this is."""


class Inline:
    """The text of one paragraph, heading, item or cell.

    Args:
        style: what all of it has.
        one_line: whether it ends with its line.
    """

    def __init__(self, style: str = "", *, one_line: bool = False) -> None:
        self.one_line = one_line
        self._style = style
        self._before = "\n"
        self._open = ""

    def feed(self, text: str, *, final: bool = False) -> list[Piece]:
        """Returns what cannot change any more. With `final` no more text will come."""
        text = self._open + text
        pieces, end = _parse(text, self._before, self._style, final)
        self._before = text[end - 1] if end else self._before
        self._open = text[end:]
        return pieces

    def tail(self) -> list[Piece]:
        """Returns the rest as it will be if what is open will be closed."""
        return _guess(self._open, self._before, self._style, _DEPTH)


def rendered(text: str, style: str = "") -> list[Piece]:
    """Returns a whole text."""
    return Inline(style).feed(text, final=True)


def styled(style: str, more: str) -> str:
    """Returns the names of both."""
    return f"{style} {more}".strip()


def _parse(text: str, before: str, style: str, final: bool) -> tuple[list[Piece], int]:
    """Returns what is decided, and where the rest begins."""
    pieces: list[Piece] = []
    at = 0
    while at < len(text):
        if ordinary := _ORDINARY.match(text, at):
            pieces.append((ordinary.group(), style))
            at = ordinary.end()
            continue
        try:
            span, at = _span(text, at, text[at - 1] if at else before, style, final)
        except _UndecidedError:
            break
        pieces += span
    return pieces, at


def _span(text: str, at: int, before: str, style: str, final: bool) -> tuple[list[Piece], int]:
    """Returns what begins with the mark at `at`, and where it ends.

    Raises:
        _UndecidedError: that cannot be told yet.
    """
    match text[at]:
        case "\\":
            return _escaped(text, at, style, final)
        case "`":
            return _code(text, at, style, final)
        case "!" | "[":
            return _link(text, at, style, final)
        case _:
            return _emphasis(text, at, before, style, final)


def _escaped(text: str, at: int, style: str, final: bool) -> tuple[list[Piece], int]:
    follows = _character(text, at + 1, final)
    shown = follows if follows and follows in _ESCAPABLE else "\\" + follows
    return [(shown, style)], at + 1 + len(follows)


def _character(text: str, at: int, final: bool) -> str:
    """Returns the character there, or nothing at the end of it all."""
    if at >= len(text) and not final:
        raise _UndecidedError
    return text[at : at + 1]


def _run(text: str, at: int, final: bool) -> str:
    run = _RUN.match(text, at)
    assert run
    _character(text, run.end(), final)  # it may go on
    return run.group()


def _code(text: str, at: int, style: str, final: bool) -> tuple[list[Piece], int]:
    run = _run(text, at, final)
    begin = at + len(run)
    end = _code_end(text, at, begin, final)
    if end is None:
        return [(run, style)], begin
    inner = text[begin : end - len(run)].replace("\n", " ")
    if inner[0] == inner[-1] == " " and inner.strip():
        inner = inner[1:-1]
    return [(inner, styled(style, "code"))], end


def _code_end(text: str, at: int, begin: int, final: bool) -> int | None:
    """Returns where the code ends whose first mark goes from `at` to `begin`."""
    for start, run in _runs(text, begin, at, re.compile("`+"), final):
        if len(run) == begin - at:
            return start + len(run)
    return None


def _runs(
    text: str, begin: int, at: int, pattern: re.Pattern[str], final: bool
) -> Iterator[tuple[int, str]]:
    """Yields the marks from `begin` on that are within reach of `at`.

    Raises:
        _UndecidedError: there may be more of them.
    """
    while (found := pattern.search(text, begin)) and found.start() <= at + REACH:
        if found.end() == len(text) and not final:
            raise _UndecidedError
        yield found.start(), found.group()
        begin = found.end()
    if not final and len(text) <= at + REACH:
        raise _UndecidedError


def _emphasis(text: str, at: int, before: str, style: str, final: bool) -> tuple[list[Piece], int]:
    run = _run(text, at, final)
    begin = at + len(run)
    more = _opened(run, before, _character(text, begin, final))
    end = _emphasis_end(text, at, run, final) if more else None
    if end is None:
        return [(run, style)], begin
    if run == "__" and _DUNDER.fullmatch(text, at, end):
        return [(text[at:end], style)], end
    inner, _ = _parse(text[begin : end - len(run)], run[0], styled(style, more), final=True)
    return inner, end


def _opened(run: str, before: str, after: str) -> str:
    """Returns the style that a mark between these characters may begin; nothing if it may not."""
    intraword = before.isalnum() and (run[0] == "_" or before.isascii())
    if len(run) > 3 or intraword or not after or after.isspace():
        return ""
    return _STYLES[run[0]][len(run) - 1]


def _emphasis_end(text: str, at: int, run: str, final: bool) -> int | None:
    code_until = 0
    for start, mark in _runs(text, at + len(run), at, _MARK, final):
        if start < code_until:
            continue
        end = start + len(mark)
        if mark[0] == "`":
            code_until = _code_end(text, start, end, final) or 0
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


def _link(text: str, at: int, style: str, final: bool) -> tuple[list[Piece], int]:
    begin = at + (text[at] == "!")
    if _character(text, begin, final) != "[":
        return [("!", style)], begin
    label = _LABEL.match(text, begin, at + REACH)
    if not label:
        return _no_link(text, at, begin, style, final or len(text) >= at + REACH)
    if _character(text, label.end(), final) != "(":
        return _no_link(text, at, begin, style, True)
    target = _TARGET.match(text, label.end(), at + 2 * REACH)
    if not target:
        limit = at + 2 * REACH
        broken = text.find("\n", label.end(), limit) >= 0
        return _no_link(text, at, begin, style, final or broken or len(text) >= limit)
    return _shown(label.group(1), target.group(1).strip("<>"), style), target.end()


def _no_link(text: str, at: int, begin: int, style: str, sure: bool) -> tuple[list[Piece], int]:
    if not sure:
        raise _UndecidedError
    return [(text[at : begin + 1], style)], begin + 1


def _shown(label: str, address: str, style: str) -> list[Piece]:
    name, _ = _parse(label, "[", styled(style, "link"), final=True)
    if address in ("", label, f"mailto:{label}"):
        return name
    return [*name, (f" ({address})" if name else address, styled(style, "url"))]


def _guess(text: str, before: str, style: str, depth: int) -> list[Piece]:
    """Returns what is not decided: as if its first marks had their match at the end."""
    run = _RUN.match(text)
    if not text or text == "\\" or (run and run.end() == len(text)):
        return []  # a mark alone is shown when it turns out to be text
    if not run:
        return _guess_link(text, style)
    mark = run.group()
    inner = text[len(mark) :]
    if mark[0] == "`":
        return [(inner.rstrip("`").replace("\n", " "), styled(style, "code"))]
    if mark == "__":
        return [(text, style)]  # as likely as not the beginning of a name
    if not depth:
        return [(text, style)]
    more = styled(style, _opened(mark, before, inner[0]))
    pieces, end = _parse(inner, mark[0], more, final=False)
    return pieces + _guess(inner[end:], inner[end - 1] if end else mark[0], more, depth - 1)


def _guess_link(text: str, style: str) -> list[Piece]:
    label = _LABEL.match(text, text[0] == "!")
    if not label or text[label.end() : label.end() + 1] != "(":
        return [(text, style)]
    name, _ = _parse(label.group(1), "[", styled(style, "link"), final=True)
    address = text[label.end() + 1 :]
    if label.group(1).startswith(address):
        return name
    return [*name, (f" ({address}" if name else address, styled(style, "url"))]
