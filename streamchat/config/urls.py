"""Checks URLs of servers."""

from __future__ import annotations

from urllib.parse import urlsplit

REQUIREMENT = "a URL that begins with http:// or https://"


def check_url(text: str) -> None:
    """Check the URL of a server.

    Raises:
        ValueError: the message completes the sentence "NAME must be ...".
    """
    try:
        url = urlsplit(text)
        if url.port == 0:
            raise ValueError
        (url.hostname or "").encode("idna")
    except ValueError:  # a bad port, IPv6 address or host name
        raise ValueError("a valid URL") from None
    if " " in text or not text.isprintable():
        raise ValueError("a URL without spaces and invisible characters")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(REQUIREMENT)
