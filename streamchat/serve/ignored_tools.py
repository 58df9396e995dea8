"""Says which tools of clients are ignored, as the agent has its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from streamchat.text.sanitize import one_line

_LOGGER = logging.getLogger("streamchat.serve")
_LONGEST = 64
_SHOWN = 10
"""How many names are listed."""
_MOST = 1_000
"""Names that are remembered, and so logged; clients can make up any number."""


class IgnoredTools:
    """Logs the tools of clients that are ignored, each once."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def log(self, names: Sequence[str]) -> None:
        new = list(dict.fromkeys(_shorten(each) for each in names))
        new = [each for each in new if each not in self._logged][: _MOST - len(self._logged)]
        if new:
            self._logged.update(new)
            _LOGGER.warning("%s", describe_ignored(new))


def describe_ignored(names: Sequence[str]) -> str:
    """Return a line that says that these tools of a client are ignored."""
    shown = ", ".join(_shorten(each) for each in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"the agent calls only its own tools, and none of the client's: {shown}{more}"


def _shorten(name: str) -> str:
    return one_line(name, _LONGEST)
