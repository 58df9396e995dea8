"""The prompt states on disk: what a model made of instructions and tools, for the next process."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from time import time

from streamchat.models.embedded.cache import cache_directory

_KEPT = 4
"""A state takes some 13 MB, and every change of tools or prompt makes a new one."""
_LEFTOVER_SECONDS = 3600


def states_directory() -> Path:
    return cache_directory() / "states"


def find_state(key: str) -> Path:
    """Return the file of the state for a key; it may not exist yet."""
    return states_directory() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.state"


def is_intact(state: Path) -> bool:
    """Whether the state is as it was saved: llama.cpp aborts the process over a truncated one."""
    try:
        return _hash(state) == _hash_file(state).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False


def scratch_file(state: Path) -> Path:
    """Return the file to save a state in before `keep` gives it its name."""
    return state.with_suffix(f".{os.getpid()}")


def keep(scratch: Path, state: Path) -> None:
    """Give a saved state its name, with its hash beside it, and delete the oldest states.

    Raises:
        OSError: the directory cannot be written to.
    """
    _hash_file(state).write_text(_hash(scratch), encoding="ascii")
    scratch.replace(state)
    _delete_old(state.parent)


def _delete_old(directory: Path) -> None:
    for leftover in directory.glob("*.[0-9]*"):  # of a process that was killed
        if leftover.stat().st_mtime < time() - _LEFTOVER_SECONDS:
            leftover.unlink(missing_ok=True)
    by_age = sorted(directory.glob("*.state"), key=lambda state: state.stat().st_mtime)
    for state in by_age[:-_KEPT]:
        state.unlink(missing_ok=True)
        _hash_file(state).unlink(missing_ok=True)


def _hash(state: Path) -> str:
    with state.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_file(state: Path) -> Path:
    return state.with_suffix(".sha256")
