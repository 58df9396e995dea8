"""What becomes of questions to the user: no client of OpenAI's API can answer one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from shlex import quote

from streamchat.events import ApprovalRequested, Event, InputRequested
from streamchat.serve.runs import ServedRun
from streamchat.text.sanitize import one_line

_LOGGER = logging.getLogger("streamchat.serve")


class Unasked:
    """Ends runs that wait for the user, and logs once which tools nobody can approve.

    Args:
        find_name: returns the name that rules have for a tool.
    """

    def __init__(self, find_name: Callable[[str], str]) -> None:
        self._find_name = find_name
        self._logged: set[str] = set()

    def follow(self, run: ServedRun, event: Event) -> None:
        """Take the next event of a run."""
        match event:
            case InputRequested():
                run.cancel()  # the encoders say what it asks
            case ApprovalRequested(name=name) if name not in self._logged:
                # The agent refuses the call, and tells the model.
                self._logged.add(name)
                shown = quote(one_line(self._find_name(name), 64))
                why = "nobody can be asked to approve %s here; --allow %s lets it run"
                _LOGGER.warning(why, shown, shown)
            case _:
                pass
