"""UTF-16 surrogates in text that was read from JSON, which may hold half a pair (RFC 8259, 8.2)."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def join_surrogates(text: str) -> str:
    """Return the text with surrogate pairs joined; lone surrogates stay."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def has_surrogates(text: str) -> bool:
    """Whether the text has surrogates: Python stands them for bytes that are not UTF-8."""
    return bool(_SURROGATE.search(text))


def replace_surrogates(text: str) -> str:
    """Return text that can be encoded: pairs joined, lone surrogates replaced by U+FFFD."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class SurrogateJoiner:
    """`join_surrogates` for streams: holds back half a pair until the next piece."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """Return the text that is complete now."""
        if text.isascii() and not self._half:
            return text
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return join_surrogates(text)

    def finish(self) -> str:
        """Return the half of a pair whose other half never arrived."""
        half, self._half = self._half, ""
        return half
