"""The manual: one Markdown file per topic, shown by `streamchat help` and `/help`.

It knows only its own files, and must not know how they are shown.
"""

from __future__ import annotations

from importlib.resources import files

TOPICS = {
    "models": "choose a model and a server",
    "embedded": "the model that runs inside the program",
    "chat": "keys and commands of the chat",
    "sessions": "resume, search and export saved chats",
    "scripting": "pipes, JSON, output formats and exit codes",
    "configuration": "flags, variables, the file and its profiles",
    "python": "use the agent and its stream from Python",
    "errors": "errors, retries and safety",
    "doctor": "check a server's OpenAI compatibility",
}


def list_topics() -> str:
    """Return a line for each topic."""
    width = max(map(len, TOPICS))
    return "".join(f"{name:{width}}  {summary}\n" for name, summary in TOPICS.items())


def read_topic(name: str) -> str:
    """Return a topic's Markdown.

    Raises:
        KeyError: there is no such topic.
    """
    if name not in TOPICS:
        raise KeyError(name)
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
