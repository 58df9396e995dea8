"""Makes text from models, servers and files safe to show.

Rich and prompt-toolkit pass on ESC, C1 controls and bidirectional overrides. These can move the
cursor, set the window's title or make text read as something else (CVE-2021-42574). Writers accept
`SafeText` only, so the type checker finds text that was not sanitized. JSON does its own escaping.
"""

from __future__ import annotations

import re
from typing import NewType, Protocol

SafeText = NewType("SafeText", str)
"""Text that is safe to write on a terminal. Only this module makes it.

Formatting gives a plain string again, so compose first and sanitize last, or use `cut` and `join`.
"""

# C0 without tab and line feed, DEL, C1; surrogates; marks, embeddings, overrides and isolates of
# direction; invisible characters; the two that XML, and so a film, cannot have; tags. The
# zero-width joiner and non-joiner stay: emoji need the one, Persian the other.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u061c\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


class SafeOutput(Protocol):
    """A text stream that, to the type checker, accepts safe text only."""

    def write(self, text: SafeText, /) -> object: ...

    def flush(self) -> object: ...


def sanitize(text: str) -> SafeText:
    r"""Return the text with each harmful character escaped: ESC becomes \x1b.

    CRLF becomes a line feed.
    """
    if text.isascii() and text.isprintable():
        return SafeText(text)
    return SafeText(_HARMFUL.sub(_escape, text.replace("\r\n", "\n")))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Sanitizer:
    """`sanitize` for streams: holds back a carriage return until the next piece."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> SafeText:
        """Return the text that can be shown now."""
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        return sanitize(text.removesuffix(self._held))

    def finish(self) -> SafeText:
        """Return the text that was held back."""
        held, self._held = self._held, ""
        return sanitize(held)


def one_line(text: str, limit: int = 300) -> SafeText:
    """Return the text as one line of at most `limit` characters."""
    # The text may be huge; the line never needs more of it than this.
    line = " ".join(sanitize(text[: 20 * limit]).split())
    return SafeText(line if len(line) <= limit else line[: limit - 1] + "…")


def cut(text: SafeText, start: int = 0, stop: int | None = None) -> SafeText:
    """Return a slice of the text; it is safe too."""
    return SafeText(text[start:stop])


def join(*texts: SafeText, separator: str = "") -> SafeText:
    """Join the texts; the result is safe too."""
    return SafeText(sanitize(separator).join(texts))


def styled(text: SafeText, style: int) -> SafeText:
    """Return the text between the sequences that set and reset a style, such as 31 for red."""
    return SafeText(f"\x1b[{style:d}m{text}\x1b[0m")
