"""The secrets that the user's code finds in its environment."""

from __future__ import annotations

import os

from streamchat.text.redact import Redactor

_NAMES = ("_API_KEY", "_ACCESS_KEY", "_PASSWORD", "_SECRET", "_TOKEN")
"""How the names of variables end that hold one."""


def learn_secrets(redactor: Redactor) -> None:
    """Let a redactor learn them; the user's code may have set some since, as from `.env`."""
    names = [name for name in os.environ if name.endswith(_NAMES)]
    redactor.learn(*(os.environ.get(name, "") for name in names))
