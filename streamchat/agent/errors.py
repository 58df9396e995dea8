"""The error that a failed turn raises."""

from __future__ import annotations


class AgentError(Exception):
    """A turn ended without an answer. The message is one line that says why."""
