"""The manual: one Markdown file per topic, shown by `streamchat help` and `/help`.

It knows only its own files, and must not know how they are shown.
"""

from __future__ import annotations

from importlib.resources import files
from textwrap import wrap

TOPICS = {
    "models": "choose a model and a server",
    "providers": "models of Anthropic, Google, Ollama and others",
    "embedded": "the model that runs inside the program",
    "chat": "keys and commands of the chat",
    "tools": "let the model call your own Python functions",
    "mcp": "let the model call the tools of MCP servers",
    "agents": "watch your own LangChain or LangGraph agent",
    "sessions": "resume, search and export saved chats",
    "replay": "play a session again, and make films of it",
    "scripting": "pipes, JSON, output formats and exit codes",
    "events": "the format of --json: keep events, and show them again",
    "configuration": "flags, variables, the file and its profiles",
    "python": "use the agent and its stream from Python",
    "serve": "serve the agent to browsers and other programs",
    "errors": "errors, retries and safety",
    "accessibility": "screen readers, and terminals without color",
    "doctor": "check a server's OpenAI compatibility",
}


def list_topics(columns: int = 80) -> str:
    """Return a line for each topic, or more if they do not fit into the columns."""
    indent = max(map(len, TOPICS)) + 2
    width = max(columns, 2 * indent)
    entries = (
        wrap(f"{name:{indent}}{summary}", width, subsequent_indent=" " * indent)
        for name, summary in TOPICS.items()
    )
    return "".join(f"{line}\n" for lines in entries for line in lines)


def read_topic(name: str) -> str:
    """Return a topic's Markdown.

    Raises:
        KeyError: there is no such topic.
    """
    if name not in TOPICS:
        raise KeyError(name)
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
