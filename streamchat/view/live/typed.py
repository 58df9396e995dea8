"""What the user types during a turn, and what a key has changed, below what is live."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len

from streamchat.text.sanitize import SafeText, cut, join, one_line, sanitize

_QUEUED = sanitize("queued: ")


def format_typed(queued: Iterable[str], text: str, prompt: str, columns: int) -> list[SafeText]:
    """Return a line for each queued message, and one for the text after the prompt."""
    lines = [_crop(join(_QUEUED, one_line(each)), columns) for each in queued]
    if text:
        line = join(sanitize(f"{prompt} "), one_line(text))
        lines.append(_crop(line, columns, end=True))
    return lines


def format_hint(hint: str, columns: int) -> SafeText:
    """Return as much of a hint as fits on a line."""
    return _crop(one_line(hint), columns)


def _crop(line: SafeText, columns: int, *, end: bool = False) -> SafeText:
    """Return as much of a line as fits: its beginning, or its end."""
    while line and cell_len(line) > columns:
        line = cut(line, 1) if end else cut(line, 0, -1)
    return line
