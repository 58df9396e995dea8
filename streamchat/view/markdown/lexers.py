"""The code of fenced blocks, highlighted as soon as the lexer for its language is loaded.

Loading one takes Pygments up to 60 ms. That happens in a thread; until then, the first lines of a
block are plain, and neither they nor what follows is final.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from streamchat.process.threads import SerialExecutor
from streamchat.view.markdown.inline import Span

if TYPE_CHECKING:
    from streamchat.view.markdown.highlight import Highlighter

MAX_LINE = 1_000
"""Characters; longer lines, such as data, are not highlighted."""

_Factory: TypeAlias = "Callable[[], Highlighter]"
_executor = SerialExecutor()


@lru_cache(100)
def load_highlighter(language: str, style: str | None) -> Future[_Factory | None]:
    """Load what highlights a language, in a thread; the result is None if there is no lexer."""
    return _executor.submit(_load, language, style)


def _load(language: str, style: str | None) -> _Factory | None:
    from streamchat.view.markdown.highlight import Highlighter, load_lexer, load_style

    if style:
        load_style(style)
    try:
        return partial(Highlighter, load_lexer(language), style)
    except LookupError:
        return None


class CodeBlock:
    """Highlights the lines of a block, in order.

    Args:
        language: its name in the fence; empty if there is none.
        style: a Pygments style; None for the plain one.
    """

    def __init__(self, language: str, style: str | None) -> None:
        self._loading = load_highlighter(language, style) if language else None
        self._highlighter: Highlighter | None = None

    @property
    def is_loaded(self) -> bool:
        return not self._loading or self._loading.done()

    @property
    def is_plain(self) -> bool:
        """Whether it is known that nothing is going to be highlighted."""
        return not self._loading or (self._loading.done() and not self._loading.result())

    def highlight(self, line: str) -> list[Span]:
        """Return the spans of the next line; wait for the lexer if it is not loaded."""
        highlighter = self._find_highlighter()
        return highlighter.highlight(line) if highlighter else [(line, "")]

    def peek(self, line: str) -> list[Span]:
        """Return the spans of the next line as far as it has arrived."""
        highlighter = self._find_highlighter() if self.is_loaded else None
        return highlighter.peek(line) if highlighter else [(line, "")]

    def _find_highlighter(self) -> Highlighter | None:
        factory = self._loading.result() if self._loading else None
        if factory and not self._highlighter:
            self._highlighter = factory()
        return self._highlighter


class _CodeLine(NamedTuple):
    block: CodeBlock
    code: str


class FinalText:
    """Text that is final, once the code in it can be highlighted."""

    def __init__(self) -> None:
        self._ready: list[Span] = []
        self._waiting: list[Span | _CodeLine] = []
        """What follows, from the first line of code on whose lexer is not loaded."""

    def add(self, spans: Iterable[Span]) -> None:
        """Add spans."""
        if self._waiting:
            self._waiting += spans
        else:
            self._ready += spans

    def add_code(self, block: CodeBlock, line: str) -> None:
        """Add a line of code."""
        if self._waiting or not block.is_loaded:
            self._waiting.append(_CodeLine(block, line))
        else:
            self._ready += block.highlight(line)

    def take(self) -> list[Span]:
        """Return the spans that are final since the last call."""
        if self._waiting:
            self._highlight(wait=False)
        taken, self._ready = self._ready, []
        return [span for span in taken if span[0]]

    def peek(self) -> list[Span]:
        """Return the spans that wait for a lexer, with plain code."""
        return [(each.code, "") if isinstance(each, _CodeLine) else each for each in self._waiting]

    def finish(self) -> None:
        """Wait until all text is final."""
        self._highlight(wait=True)

    def _highlight(self, *, wait: bool) -> None:
        """Highlight the lines of code whose lexer is loaded."""
        done = 0
        for each in self._waiting:
            if not isinstance(each, _CodeLine):
                self._ready.append(each)
            elif wait or each.block.is_loaded:
                self._ready += each.block.highlight(each.code)
            else:
                break
            done += 1
        del self._waiting[:done]
