"""How the settings have turns look."""

from __future__ import annotations

from streamchat.config import Settings
from streamchat.view.look import Look


def make_look(settings: Settings, hint: str = "") -> Look:
    """Return the look that the settings name, with the hint of `Look`."""
    return Look(settings.wrap, settings.code_style, settings.reasoning, hint)
