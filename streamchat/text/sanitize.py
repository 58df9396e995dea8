"""Makes text from models, servers and files harmless to show.

Rich and prompt-toolkit let ESC, C1 controls and bidirectional overrides through, which can move the
cursor, set the title, or make text read otherwise than it is (CVE-2021-42574). Every text that is
not the program's own passes `safe` or a `Sanitizer` before it is written anywhere but into JSON.
"""

from __future__ import annotations

import re

# C0 without tab and line feed, DEL, C1; surrogates; marks, embeddings, overrides and isolates of
# direction; invisible characters; tags. The two zero-width joiners stay: emoji are put together
# with the one, and Persian is written with the other.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u061c\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def sanitize(text: str) -> str:
    r"""Returns the text with every harmful character as an escape that can be read: ESC as \x1b.

    Carriage returns before a line feed, the line ends of Windows, are dropped.
    """
    if text.isascii() and text.isprintable():
        return text
    return _HARMFUL.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Sanitizer:
    """`safe` for text in pieces: a carriage return waits for what may follow it."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Returns what can be shown now."""
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        return sanitize(text.removesuffix(self._held))

    def finish(self) -> str:
        """Returns what was held back."""
        held, self._held = self._held, ""
        return sanitize(held)


def one_line(text: str, limit: int = 300) -> str:
    """Returns the text as one safe line of at most `limit` characters."""
    # More than this cannot be in it, and a text may be of any size.
    line = " ".join(sanitize(text[: 20 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
