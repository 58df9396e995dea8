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

MAX_LINE = 1_000
"""Characters; longer lines, such as data, are not highlighted."""

# Only this method reveals the state at the end of a line. It is called unbound, because a subclass
# of each lexer would compile all its rules again; of `self` it needs only a RegexLexer's rules.
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
    """Highlights consecutive lines: a string or comment can go on for several.

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
        """Return the spans of the next line, given without its line ending."""
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
                return _build_spans(line, list(tokens)), context.stack
            except TypeError:  # a rule of this lexer accepts no context
                self._stack = None
        return _build_spans(line, list(self._lexer.get_tokens_unprocessed(line + "\n"))), None


def _keeps_state(lexer: Lexer) -> bool:
    """Whether the lexer consists of rules only; any other starts afresh on each line."""
    own = type(lexer).get_tokens_unprocessed
    return isinstance(lexer, RegexLexer) and own is RegexLexer.get_tokens_unprocessed


def _build_spans(line: str, tokens: list[tuple[int, TokenType, str]]) -> list[Span]:
    if "".join(text for _, _, text in tokens) != line + "\n":
        return [(line, "")]  # some lexers alter a line that stands alone
    return list(_merge((text.removesuffix("\n"), _find_style(kind)) for _, kind, text in tokens))


def _merge(spans: Iterator[Span]) -> Iterator[Span]:
    """Join adjacent spans of the same style."""
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
def _find_style(kind: TokenType) -> str:
    return next((name for family, name in _STYLES if kind[: len(family)] == family), "")
