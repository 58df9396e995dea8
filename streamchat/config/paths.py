"""Relative paths in the configuration file begin in its folder, not in the working directory.

The working directory may be a repository that somebody else wrote: `tools = ["mytools.py"]` of the
user's own must not run that repository's file of the same name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def anchor_place(text: str, folder: Path) -> str:
    """Return the place of an agent or of tools, with its path absolute if it names a file.

    Modules are left alone: Python looks for them.
    """
    path, colon, names = text.partition(".py:")
    if colon:
        return f"{anchor_path(f'{path}.py', folder)}:{names}"
    return anchor_path(text, folder) if text.endswith(".py") else text


def anchor_path(text: str, folder: Path) -> str:
    """Return the path, absolute if it was relative; `~` is left to who opens the file."""
    return text if text.startswith("~") else str(folder.absolute() / text)


_ANCHORS = {"agent": anchor_place, "mcp_config": anchor_path}


def anchor(name: str, value: Any, folder: Path) -> Any:
    """Return a setting's checked value with the paths in it absolute."""
    if not value:
        return value
    if name == "tools":
        return tuple(anchor_place(each, folder) for each in value)
    return _ANCHORS[name](value, folder) if name in _ANCHORS else value
