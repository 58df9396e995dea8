"""Styles: the sixteen standard colours and no backgrounds, so that they work with any palette.

Long text keeps the terminal's own colour. Red and magenta are legible on black and on white in the
palettes that terminals ship with; green and cyan are for lines and marks only, which never carry
information that is not in words too.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TextIO, TypeAlias

from rich.console import Console
from rich.segment import Segment
from rich.style import Style

from streamchat.text.sanitize import SafeText, sanitize
from streamchat.view.glyphs import escape_unencodable
from streamchat.view.markdown.inline import Span

StyledText: TypeAlias = tuple[SafeText, str]
"""Text to write, and the sequence that sets its style on a terminal."""
LINE_BREAK: StyledText = (sanitize("\n"), "")
_RESET = "\x1b[0m"
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
    "underline": Style(underline=True),
    "code": Style(color="magenta", dim=False),  # dim magenta is hard to read
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
    "waiting": Style(bold=True),
    "running": Style(color="magenta"),
    "done": Style(color="green"),
    "failed": Style(color="red"),
    "dim": Style(dim=True),
    "plain": Style(dim=False),
    "separator": Style(color="cyan"),
}


def get_style(names: str) -> Style:
    """Return the combination of the styles with these names, which are separated by spaces.

    The name of a color has the form `#rrggbb`.
    """
    styles = (Style(color=name) if name[0] == "#" else _STYLES[name] for name in names.split())
    return Style.combine([Style.null(), *styles])


def choose_code_style(setting: str, console: Console) -> str | None:
    """Return the Pygments style for code; None for a plain style of sixteen colors.

    That is what `auto` means, too: it suits any background, and a terminal that says which it has
    may have changed it since.
    """
    has_colors = console.color_system in ("256", "truecolor") and not console.no_color
    return setting if has_colors and setting != "auto" else None


def open_console(stream: TextIO) -> Console:
    """Return a Rich console that prints text as it is, without markup, emoji or highlighting."""
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def render(parts: Iterable[StyledText]) -> str:
    """Return the text with the sequences that set and reset its styles."""
    return "".join(f"{sequence}{text}{_RESET}" if sequence else text for text, sequence in parts)


class Palette:
    """Turns styles into the sequences that set them on a terminal.

    Args:
        console: knows the terminal's colours, and whether the user wants any.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.encode = cache(self._encode)
        self._encode_names = cache(lambda names: self.encode(get_style(names)) if names else "")

    def _encode(self, style: Style | None) -> str:
        if not style:
            return ""
        with self._console.capture() as capture:
            self._console.print("x", style=style, end="")
        return capture.get().partition("x")[0]

    def escape_unencodable(self, text: str) -> str:
        """Return the text with escapes for what the terminal cannot show."""
        return escape_unencodable(text, self._console.encoding)

    def apply(self, spans: Iterable[Span]) -> list[StyledText]:
        """Return the spans, sanitized, with the sequences that set their styles."""
        return [
            (sanitize(self.escape_unencodable(text)), self._encode_names(names))
            for text, names in spans
        ]

    def apply_segments(self, segments: Iterable[Segment]) -> list[StyledText]:
        """Return Rich's segments, sanitized, with the sequences that set their styles."""
        return [(sanitize(segment.text), self.encode(segment.style)) for segment in segments]
