"""Syntax highlighting for code that arrives line by line.

Pygments and its lexers take their time to load: import this in a thread, as `lexers` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

from pygments.lexer import ExtendedRegexLexer, Lexer, LexerContext, RegexLexer
from pygments.lexers import LEXERS, get_lexer_by_name
from pygments.styles import get_style_by_name
from pygments.token import (
    Comment,
    Generic,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Token,
)

from streamchat.view.markdown.inline import Span

TokenType: TypeAlias = tuple[str, ...]

# Only this method reveals the state at the end of a line. It is called unbound, because a subclass
# of each lexer would compile all its rules again; of `self` it needs only a RegexLexer's rules.
_get_tokens: Any = ExtendedRegexLexer.get_tokens_unprocessed
_STYLES: tuple[tuple[TokenType, str], ...] = (
    (Comment, "comment"),
    (Keyword, "keyword"),
    (Operator.Word, "keyword"),
    (Name.Tag, "keyword"),
    (String, "string"),
    (Number, "string"),
    (Generic.Deleted, "deleted"),
    (Generic.Inserted, "inserted"),
    (Generic.Heading, "keyword"),
    (Generic.Subheading, "keyword"),
    (Generic.Prompt, "mark"),
    (Generic.Error, "failed"),
    (Punctuation.Marker, "failed"),
)
"""The plain style: few of the sixteen standard colors are legible on any background."""


class Highlighter:
    """Highlights consecutive lines: a string or comment can go on for several.

    Args:
        lexer: from `load_lexer`.
        style: a Pygments style; None for the plain one.
    """

    def __init__(self, lexer: Lexer, style: str | None = None) -> None:
        self._lexer = lexer
        self._style = style
        self._stack: list[str] | None = ["root"] if _keeps_state(lexer) else None

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
                return self._build_spans(line, list(tokens)), context.stack
            except TypeError:  # a rule of this lexer accepts no context
                self._stack = None
        return self._build_spans(line, list(self._lexer.get_tokens_unprocessed(line + "\n"))), None

    def _build_spans(self, line: str, tokens: list[tuple[int, TokenType, str]]) -> list[Span]:
        if "".join(text for _, _, text in tokens) != line + "\n":
            return [(line, "")]  # some lexers alter a line that stands alone
        styled = (
            (text.removesuffix("\n"), _find_style(kind, self._style)) for _, kind, text in tokens
        )
        return list(_merge(styled))


def highlight_whole(text: str, lexer: Lexer, style: str | None = None) -> list[Span]:
    """Return the spans of a text that is complete, with a line end after it."""
    tokens = lexer.get_tokens(text)
    return list(_merge((piece, _find_style(kind, style)) for kind, piece in tokens))


def load_lexer(language: str) -> Lexer:
    """Return the lexer for a language, by its name in the fence.

    Raises:
        LookupError: Pygments has none.
    """
    if language.lower() not in _list_languages():  # Pygments would look for plugins
        raise LookupError(language)
    # By default Pygments drops blank lines at both ends.
    return get_lexer_by_name(language, stripnl=False)


@cache
def _list_languages() -> frozenset[str]:
    return frozenset(alias for _, _, aliases, _, _ in LEXERS.values() for alias in aliases)


@cache
def load_style(name: str) -> dict[TokenType, dict[str, Any]]:
    """Return the style of each type of token, given the name of a Pygments style."""
    return {kind: dict(style) for kind, style in get_style_by_name(name)}


def _keeps_state(lexer: Lexer) -> bool:
    """Whether the lexer consists of rules only; any other starts afresh on each line."""
    own = type(lexer).get_tokens_unprocessed
    return isinstance(lexer, RegexLexer) and own is RegexLexer.get_tokens_unprocessed


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
def _find_style(kind: TokenType, style: str | None) -> str:
    """Return the names of a token's styles; that of a color has the form `#rrggbb`.

    Ordinary text keeps the terminal's own color, which is legible on its background.
    """
    if style:
        return _name_styles(kind, load_style(style))
    return next((name for family, name in _STYLES if kind[: len(family)] == family), "")


def _name_styles(kind: TokenType, styles: dict[TokenType, dict[str, Any]]) -> str:
    while kind not in styles:
        kind = kind[:-1]
    found = styles[kind]
    color = found["color"] or ""
    is_ordinary = color == styles[Token]["color"] or _is_black_or_white(color)
    flags = {"strong": found["bold"], "emphasis": found["italic"], "underline": found["underline"]}
    names = ["" if is_ordinary else f"#{color}", *(name for name in flags if flags[name])]
    return " ".join(filter(None, names))


def _is_black_or_white(color: str) -> bool:
    """Whether a color is so near to either that it needs a background of its own."""
    channels = bytes.fromhex(color)
    return all(channel < 0x20 for channel in channels) or all(
        channel >= 0xE0 for channel in channels
    )
