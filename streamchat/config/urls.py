"""URLs of servers: checked, and the credentials in them."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

REQUIREMENT = "a URL that begins with http:// or https://"
_LONG_NAME = 8


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


def find_url_credentials(url: str | None) -> tuple[str, ...]:
    """Return the credentials in a URL: as written there, decoded, and as HTTP sends them.

    A short user name beside a password does not count: redacting it would hit ordinary words.
    """
    from base64 import b64encode

    parts = urlsplit(url or "")
    user, password = parts.username or "", parts.password or ""
    written = {user, password} if not password or len(user) >= _LONG_NAME else {password}
    decoded = {unquote(each) for each in written}
    login = f"{unquote(user)}:{unquote(password)}".encode()
    sent = {b64encode(login).decode()} if user or password else set()
    return tuple(sorted(filter(None, written | decoded | sent), key=len, reverse=True))
