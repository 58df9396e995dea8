"""The file that `streamchat config init` writes."""

from __future__ import annotations

import os
from pathlib import Path

_TEXT = """\
# Settings of streamchat. Flags and environment variables go over this file; see them all, and
# where each comes from, with: streamchat config show

# A model's name on the server; local or local-large for the embedded ones; or a GGUF file.
# model = "gpt-4o-mini"

# The address of an OpenAI-compatible server.
# base_url = "https://api.openai.com/v1"

# The environment variable that holds the key for that server; "" sends none. The key itself has
# no place in this file.
# api_key_env = "OPENAI_API_KEY"

# 0 for the likeliest token each time, up to 2.
# temperature = 0

# Messages a model may write in a turn.
# max_steps = 10

# Seconds without progress after which a turn fails.
# timeout = 60

# What the model is told about how to answer, after the built-in instructions.
# system = ""

# Characters of earlier turns that the model is sent; 16000 if it is a local one.
# max_history = 400000

# Whether sessions are kept.
# save = true

# Whose keys edit the line at the prompt: "emacs" or "vi".
# editing = "emacs"

# How text is copied: by a "tool" of the desktop, or by the terminal, "osc52".
# clipboard = "tool"

# Whether LangSmith is told of every run.
# trace = false

# The profile in force where neither --profile nor STREAMCHAT_PROFILE names one.
# default_profile = ""

# A profile has any of the settings above, and goes over them. Take the signs off these lines,
# too, and there is one for: streamchat --profile ollama
# [profile.ollama]
#   base_url = "http://localhost:11434/v1"
#   model = "llama3.2"
#   api_key_env = ""
"""


def write_example(path: Path) -> None:
    """Writes a file with every setting as a comment, for its owner's eyes alone.

    Raises:
        FileExistsError: there is one, which stays as it is.
        OSError: it cannot be written.
    """
    for directory in reversed((path.parent, *path.parent.parents)):
        if not directory.is_dir():
            directory.mkdir(mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(_TEXT)
