"""Imports the user's own files from their source, again if need be.

Python's cache of bytecode takes a file for unchanged if it has the same size and was saved in the
same second. Someone who edits an agent and reloads it at once is that fast.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType
from typing import TypeAlias

from streamchat.agent.target.frames import is_users

_folders: set[str] = set()
"""The folders whose files, and whose subfolders' files, are the user's own."""
_Stamp: TypeAlias = tuple[int, int] | None
"""When a file was saved and how long it is; None if there is none."""
_read: dict[str, _Stamp] = {}
"""The files that were imported from there, also if that failed, and how they were then."""


class FreshLoader(SourceFileLoader):
    """Reads and writes no bytecode."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        note_file(path)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def add_folder(folder: Path) -> None:
    """Import the files of this folder and its subfolders from their source from now on.

    It also becomes the first place where modules are looked for.
    """
    text = str(folder)
    if _find_loader not in sys.path_hooks:
        sys.path_hooks.insert(0, _find_loader)
    if sys.path[:1] != [text]:
        sys.path.insert(0, text)
    if text not in _folders:
        _folders.add(text)
        for path in list(sys.path_importer_cache):
            if _is_own(path):
                del sys.path_importer_cache[path]


def forget_folders() -> None:
    """Import as usual again."""
    _folders.clear()
    _read.clear()


def note_file(path: str | Path) -> None:
    """Note that a file is about to be imported, even if there is none."""
    _read[str(path)] = _get_stamp(str(path))


def list_read_files() -> list[Path]:
    """Return the user's files that have been imported, or that could not be."""
    return [Path(path) for path in sorted(_read)]


def list_changed_files() -> list[Path]:
    """Return those that have been saved since the latest attempt to import them.

    Some editors remove a file for a moment when they save it, so one that is gone does not count.
    """
    read = dict(_read)  # a copy: a reload, in another thread, empties it
    now = {path: _get_stamp(path) for path in read}
    return [Path(path) for path in sorted(now) if now[path] not in (None, read[path])]


def _get_stamp(path: str) -> _Stamp:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


@contextmanager
def replace_modules() -> Iterator[None]:
    """Forget the user's own modules, so that the body imports them anew; restored if it fails."""
    before = _forget_modules()
    # Files that a failed attempt does not come to have been seen by it, too.
    read = {path: _get_stamp(path) for path in _read}
    _read.clear()
    importlib.invalidate_caches()
    try:
        yield
    except BaseException:
        _forget_modules()
        sys.modules.update(before)
        _read.update(read | _read)
        raise


def _forget_modules() -> dict[str, ModuleType]:
    # A list of the items would fail where another thread, or a collection, imports meanwhile.
    own = {name: module for name, module in sys.modules.copy().items() if _is_loaded_here(module)}
    for name in own:
        del sys.modules[name]
    return own


def _is_loaded_here(module: ModuleType) -> bool:
    return isinstance(getattr(getattr(module, "__spec__", None), "loader", None), FreshLoader)


def _find_loader(path: str) -> FileFinder:
    if not _is_own(path):
        raise ImportError("not the user's own folder")
    return FileFinder(
        path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (FreshLoader, SOURCE_SUFFIXES)
    )


def _is_own(path: str) -> bool:
    inside = any(path == folder or path.startswith(f"{folder}/") for folder in _folders)
    return inside and is_users(f"{path}/")
