"""The file that `streamchat config init` writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

from streamchat.config.setting import Setting
from streamchat.config.settings import SETTINGS, Settings

_WIDTH = 98
_HEAD = """\
# Settings for streamchat. Command-line flags and environment variables override this file;
# streamchat config show lists every setting and where it comes from.
"""
_TABLES = """\
# Which calls of tools run: "allow", "ask" or "deny"; * is any text. Without a rule, the built-in
# arithmetic runs, and all else is asked about. --allow and --deny come before these rules.
# [approval]
#   search = "allow"
#   "files.*" = "ask"
#   "files.delete" = "deny"

# MCP servers: a command, or a URL. A value "env:NAME" is read from the environment.
# [mcp.files]
#   command = "npx"
#   args = ["-y", "@modelcontextprotocol/server-filesystem", "."]
# [mcp.tracker]
#   url = "https://tracker.example/mcp"
#   headers = { Authorization = "env:TRACKER_AUTHORIZATION" }
"""
_PROFILES = """\
# The profile to use when neither --profile nor STREAMCHAT_PROFILE names one.
# default_profile = ""

# A profile may override any of the settings above. Uncomment these lines, then run:
# streamchat --profile ollama
# [profile.ollama]
#   base_url = "http://localhost:11434/v1"
#   model = "llama3.2"
#   api_key_env = ""
"""


def write_example(path: Path) -> None:
    """Write a file with every setting commented out, which only its owner can read.

    Raises:
        FileExistsError: the file exists; it is left as it is.
        OSError: the file cannot be written.
    """
    for directory in reversed((path.parent, *path.parent.parents)):
        if not directory.is_dir():
            directory.mkdir(mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(render_example())


def render_example() -> str:
    """Return the text of the file."""
    settings = (
        "".join(f"{line}\n" for line in _comment_out(name, setting))
        for name, setting in SETTINGS.items()
        if setting.in_file and not setting.in_tables
    )
    return "\n".join([_HEAD, *settings, _PROFILES, _TABLES])


def _comment_out(name: str, setting: Setting) -> Iterator[str]:
    default = getattr(Settings(), name)
    sentences = [setting.description, setting.note]
    if setting.default_text:
        sentences.append(f"Default: {setting.default_text}.")
    text = " ".join(filter(None, sentences))
    yield from wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")
    value = default if setting.example is None else setting.example
    yield f"# {name} = {json.dumps(value)}"  # TOML writes these values as JSON does
