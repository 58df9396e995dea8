"""The error that an agent which cannot be loaded raises."""

from __future__ import annotations

from streamchat.config import ModelError


class TargetError(ModelError):
    """What `--agent` names is not available, or is no agent; the message says what to do.

    Attributes:
        traceback: the user's own frames if their code failed, else empty.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback
