"""Makes text from models, servers and files harmless to show on a terminal.

Rich and prompt-toolkit let ESC, C1 controls and bidirectional overrides through, which can move the
cursor, set the title, or make text read otherwise than it is (CVE-2021-42574).
"""

from __future__ import annotations

import re

# C0 without tab and line feed, DEL, C1; surrogates; marks, embeddings, overrides and isolates of
# direction; invisible characters. The zero-width joiner stays: emoji are put together with it.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u061c\u180e\u200b\u200c\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_CONTROL_PICTURES = 0x2400
_DELETE_PICTURE = "\u2421"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def safe(text: str) -> str:
    """Returns the text with every harmful character made visible: ESC as ␛, others as �.

    Carriage returns before a line feed, the line ends of Windows, are dropped.
    """
    if text.isascii() and text.isprintable():
        return text
    return _HARMFUL.sub(_visible, text.replace("\r\n", "\n"))


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    if character < " ":
        return chr(_CONTROL_PICTURES + ord(character))
    return _DELETE_PICTURE if character == "\x7f" else _UNKNOWN


def one_line(text: str, limit: int = 300) -> str:
    """Returns the text as one safe line of at most `limit` characters."""
    line = safe(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def without_secret(text: str, secret: str | None) -> str:
    """Returns the text with the secret blotted out: servers repeat a wrong key in their error."""
    return text.replace(secret, "***") if secret else text
