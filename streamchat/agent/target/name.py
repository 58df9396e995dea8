"""What `--agent` takes: `FILE.py:NAME` or `package.module:NAME`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from streamchat.agent.target.errors import TargetError

CONVENTIONAL_NAMES = ("agent", "graph", "app", "executor", "agent_executor", "chain")
"""What the agent of a file is usually called, the likeliest first."""
FORM = "name an agent as FILE.py:NAME or package.module:NAME"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an agent is.

    Attributes:
        path: the file; None for a module that has not been found yet.
        module: the module's name; empty for a file.
        attribute: its name there, perhaps dotted; empty to look for the one agent.
    """

    path: Path | None
    module: str = ""
    attribute: str = ""

    @property
    def display(self) -> str:
        """The file, relative to the working directory if it is below it, and the attribute."""
        return f"{self.file}:{self.attribute}" if self.attribute else self.file

    @property
    def file(self) -> str:
        """The path of the file as shown to the user."""
        if self.path is None:
            return self.module.replace(".", "/") + ".py"
        return shorten_path(self.path)


def shorten_path(path: str | Path) -> str:
    """Return the path relative to the working directory if it is below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):  # OSError: the working directory is gone
        return str(path)


def parse_target(text: str, form: str = FORM) -> Target:
    """Return what the text names; whether that exists is found out later.

    Args:
        text: a place in one of the two forms.
        form: what to do if it has neither, for the error.

    Raises:
        TargetError: it has neither form.
    """
    text = text.strip()
    place, colon, attribute = text.rpartition(":")
    if not colon:
        place, attribute = text, ""
    if attribute and not _is_dotted_name(attribute):
        raise TargetError(f"{attribute!r} is not a name in Python; {form}")
    if place.endswith(".py"):
        try:
            path = Path(place).expanduser()
        except RuntimeError:  # no such user
            path = Path(place)
        # Not resolved: a link's own folder is where its imports are looked for.
        return Target(Path(os.path.abspath(path)), attribute=attribute)  # noqa: PTH100
    if place.endswith(".ipynb"):
        raise TargetError(
            f"{place} is a notebook; export it to a file: jupyter nbconvert --to script {place}"
        )
    if not _is_dotted_name(place):
        raise TargetError(f"{text!r} names no Python file or module; {form}")
    return Target(None, place, attribute)


def is_agent(name: str) -> bool:
    """Whether the name of what answered is an agent's, as `Target.display` has it, or a model's."""
    return re.search(r"\.py(:[^\W\d][\w.]*)?$", name) is not None


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
