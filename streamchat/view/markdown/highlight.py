"""Syntax highlighting for code that arrives line by line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

from pygments.lexer import ExtendedRegexLexer, Lexer, LexerContext, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Name, Operator, String
from pygments.util import ClassNotFound

from streamchat.view.markdown.inline import Span

TokenType: TypeAlias = tuple[str, ...]

LONGEST_LINE = 1_000
"""Lines of more characters, such as data, are not highlighted."""

# Unbound, because only this method tells the state at the end of a line, and a subclass of each
# lexer would compile all its rules again. It needs nothing of `self` but a RegexLexer's rules.
_get_tokens: Any = ExtendedRegexLexer.get_tokens_unprocessed
_STYLES: tuple[tuple[TokenType, str], ...] = (
    (Comment, "comment"),
    (Keyword, "keyword"),
    (Operator.Word, "keyword"),
    (Name.Tag, "keyword"),
    (String, "string"),
    (Generic.Deleted, "deleted"),
    (Generic.Inserted, "inserted"),
)


class Highlighter:
    """Highlights consecutive lines: a string or comment can go on in the next one.

    Args:
        language: its name in the fence.

    Raises:
        LookupError: Pygments has no lexer for it.
    """

    def __init__(self, language: str) -> None:
        try:
            # By default Pygments drops blank lines at both ends.
            self._lexer = get_lexer_by_name(language, stripnl=False)
        except ClassNotFound as error:
            raise LookupError(language) from error
        self._stack: list[str] | None = ["root"] if _keeps_state(self._lexer) else None

    def highlight(self, line: str) -> list[Span]:
        """Return the spans of the next line, given without its end."""
        spans, self._stack = self._tokenize(line)
        return spans

    def peek(self, line: str) -> list[Span]:
        """Return the spans of the next line as far as it has arrived."""
        return self._tokenize(line)[0]

    def _tokenize(self, line: str) -> tuple[list[Span], list[str] | None]:
        if self._stack is not None:
            context: Any = LexerContext(line + "\n", 0, list(self._stack))
            try:
                tokens = _get_tokens(self._lexer, context=context)
                return _spans(line, list(tokens)), context.stack
            except TypeError:  # this lexer has a rule that takes no context
                self._stack = None
        return _spans(line, list(self._lexer.get_tokens_unprocessed(line + "\n"))), None


def _keeps_state(lexer: Lexer) -> bool:
    """Whether the lexer is all rules; others start afresh with each line."""
    own = type(lexer).get_tokens_unprocessed
    return isinstance(lexer, RegexLexer) and own is RegexLexer.get_tokens_unprocessed


def _spans(line: str, tokens: list[tuple[int, TokenType, str]]) -> list[Span]:
    if "".join(text for _, _, text in tokens) != line + "\n":
        return [(line, "")]  # some lexers change a line that stands alone
    return list(_merge((text.removesuffix("\n"), _style(kind)) for _, kind, text in tokens))


def _merge(spans: Iterator[Span]) -> Iterator[Span]:
    """Join neighbours of the same style."""
    joined, last = "", ""
    for text, style in spans:
        if style != last and text.strip():
            if joined:
                yield joined, last
            joined, last = text, style
        else:
            joined += text
    if joined:
        yield joined, last


@cache
def _style(kind: TokenType) -> str:
    return next((name for family, name in _STYLES if kind[: len(family)] == family), "")
