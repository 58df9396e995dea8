"""How things look: sixteen colours at most, none of them a background, so that any palette does.

Text has the terminal's own colour wherever it is to be read at length. Of the others red and
magenta are legible on black and on white in the palettes that terminals come with; green, yellow
and cyan are for lines and marks only, and say nothing that is not also said in words.
"""

from __future__ import annotations

from functools import cache
from typing import TextIO

from rich.console import Console
from rich.segment import Segment
from rich.style import Style

from streamchat.view.glyphs import encodable
from streamchat.view.markdown.inline import Span

_STYLES = {
    "heading": Style(bold=True),
    "h1": Style(underline=True),
    "h2": Style(),
    "h3": Style(italic=True),
    "h4": Style(italic=True),
    "h5": Style(italic=True),
    "h6": Style(italic=True),
    "emphasis": Style(italic=True),
    "strong": Style(bold=True),
    "strike": Style(strike=True),
    "code": Style(color="magenta"),
    "link": Style(underline=True),
    "url": Style(dim=True),
    "mark": Style(dim=True),
    "quote": Style(dim=True),
    "rule": Style(dim=True),
    "fence": Style(dim=True),
    "keyword": Style(bold=True),
    "string": Style(color="magenta"),
    "comment": Style(dim=True, italic=True),
    "inserted": Style(bold=True),
    "deleted": Style(color="red"),
    "arriving": Style(color="cyan"),
    "running": Style(color="yellow"),
    "done": Style(color="green"),
    "failed": Style(color="red"),
    "dim": Style(dim=True),
}


def style(names: str) -> Style:
    """Returns the style that these names, with spaces between, make together."""
    return Style.combine([Style.null(), *(_STYLES[name] for name in names.split())])


def open_console(stream: TextIO) -> Console:
    """Return Rich's console on a stream: it takes texts as they are, without any markup."""
    return Console(file=stream, highlight=False, markup=False, emoji=False)


class Palette:
    """Puts styles into the sequences that set them on a terminal.

    Args:
        console: knows the terminal's colours, and whether the user wants any.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.sequence = cache(self._sequence)
        self._named = cache(lambda names: self.sequence(style(names)))

    def _sequence(self, look: Style | None) -> str:
        if not look:
            return ""
        with self._console.capture() as capture:
            self._console.print("x", style=look, end="")
        return capture.get().partition("x")[0]

    def encodable(self, text: str) -> str:
        """Returns the text as the terminal can show it."""
        return encodable(text, self._console.encoding)

    def named(self, pieces: list[Span]) -> list[Span]:
        """Returns the pieces with the sequences for the names of their styles."""
        shown = ((self.encodable(text), names) for text, names in pieces)
        return [(text, self._named(names) if names else "") for text, names in shown]

    def segments(self, segments: list[Segment]) -> list[Span]:
        """Returns Rich's segments as pieces."""
        return [(segment.text, self.sequence(segment.style)) for segment in segments]
