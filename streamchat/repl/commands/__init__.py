"""The commands, in the order of the help."""

from __future__ import annotations

from pathlib import Path

# Importing a module registers its commands, in the order of the help.
# isort: off
from streamchat.repl.commands import help
from streamchat.repl.commands import model
from streamchat.repl.commands import mcp
from streamchat.repl.commands import agent
from streamchat.repl.commands import turns
from streamchat.repl.commands import replay
from streamchat.repl.commands import sessions
from streamchat.repl.commands import screen
from streamchat.repl.registry import COMMANDS, render_table

# isort: on

_ = help, model, mcp, agent, turns, replay, sessions, screen
__all__ = ["COMMANDS", "is_command", "render_table"]


def is_command(text: str) -> bool:
    """Whether a message is a command, not a question that starts with a path: "/tmp is full"."""
    name = text.split(maxsplit=1)[0]
    if name in COMMANDS:
        return True
    return name.startswith("/") and "/" not in name[1:] and len(name) > 1 and not _is_path(name)


def _is_path(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:
        return False
