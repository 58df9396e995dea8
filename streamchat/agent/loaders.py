"""Chooses what loads the agent that the settings name: the user's own, or streamchat's."""

from __future__ import annotations

from streamchat.agent.loader import AgentLoader
from streamchat.agent.target.loader import TargetLoader
from streamchat.config import Settings
from streamchat.models.progress import Progress, ignore_progress
from streamchat.text.redact import Redactor


def make_loader(
    settings: Settings,
    redactor: Redactor,
    *,
    tools: bool,
    progress: Progress | None = None,
    verbose: bool = False,
) -> TargetLoader | AgentLoader:
    """Return what loads the agent.

    Args:
        settings: name it.
        redactor: learns its secrets.
        tools: whether streamchat's own agent has tools; the user's has what it has.
        progress: reports long work; None leaves that to the loader's `activity`.
        verbose: whether to log what MCP servers write to their standard error.
    """
    if settings.agent:
        return TargetLoader(settings, redactor, progress or ignore_progress)
    return AgentLoader(settings, redactor, tools=tools, progress=progress, verbose=verbose)
