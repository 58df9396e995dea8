"""Colours for code that arrives line by line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pygments.lexer import ExtendedRegexLexer, Lexer, LexerContext, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import (
    Comment,
    Generic,
    Keyword,
    Name,
    Operator,
    String,
    _TokenType,
)
from pygments.util import ClassNotFound

from streamchat.view.markdown.inline import Piece

LONGEST_LINE = 1_000
"""Lines of more characters, such as data, are not coloured."""

# It needs no more of the lexer than rules, and tells in which state the line has ended.
_with_context: Any = ExtendedRegexLexer.get_tokens_unprocessed
_STYLES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "comment"),
    (Keyword, "keyword"),
    (Operator.Word, "keyword"),
    (Name.Tag, "keyword"),
    (String, "string"),
    (Generic.Deleted, "deleted"),
    (Generic.Inserted, "inserted"),
)


class Highlighter:
    """Colours lines one after another: a string or comment goes on in the next line.

    Args:
        language: as the fence names it.

    Raises:
        LookupError: there are no colours for it.
    """

    def __init__(self, language: str) -> None:
        try:
            # Pygments would otherwise drop blank lines at both ends.
            self._lexer = get_lexer_by_name(language, stripnl=False)
        except ClassNotFound as error:
            raise LookupError(language) from error
        self._stack: list[str] | None = ["root"] if _keeps_state(self._lexer) else None

    def line(self, text: str) -> list[Piece]:
        """Returns the next line, without its end."""
        pieces, self._stack = self._coloured(text)
        return pieces

    def peek(self, text: str) -> list[Piece]:
        """Returns a line that is not whole as it looks so far."""
        return self._coloured(text)[0]

    def _coloured(self, text: str) -> tuple[list[Piece], list[str] | None]:
        if self._stack is not None:
            context: Any = LexerContext(text + "\n", 0, list(self._stack))
            try:
                tokens = _with_context(self._lexer, context=context)
                return _pieces(text, list(tokens)), context.stack
            except TypeError:  # a rule of this language that does not know of contexts
                self._stack = None
        return _pieces(text, list(self._lexer.get_tokens_unprocessed(text + "\n"))), None


def _keeps_state(lexer: Lexer) -> bool:
    """Whether the lexer is all rules; others begin anew with each line."""
    own = type(lexer).get_tokens_unprocessed
    return isinstance(lexer, RegexLexer) and own is RegexLexer.get_tokens_unprocessed


def _pieces(line: str, tokens: list[tuple[int, _TokenType, str]]) -> list[Piece]:
    if "".join(text for _, _, text in tokens) != line + "\n":
        return [(line, "")]  # a lexer that takes a line alone amiss
    return list(_merged((text.removesuffix("\n"), _style(kind)) for _, kind, text in tokens))


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Fewer pieces: neighbours of the same style are one."""
    whole, last = "", ""
    for text, style in pieces:
        if style != last and text.strip():
            if whole:
                yield whole, last
            whole, last = text, style
        else:
            whole += text
    if whole:
        yield whole, last


@cache
def _style(kind: _TokenType) -> str:
    return next((name for family, name in _STYLES if _is_one_of(kind, family)), "")


def _is_one_of(kind: _TokenType, family: _TokenType) -> bool:
    return kind[: len(family)] == family
