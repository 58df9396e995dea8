"""The same events over HTTP: `streamchat serve`.

Everything here needs the extra `serve`, and is imported only when the command runs.
"""

from __future__ import annotations


class ServeError(Exception):
    """The server cannot start; the message says why."""
