"""Reads TOML files; what is wrong with one is said with its line."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from streamchat.config.reading import read_regular_file
from streamchat.config.setting import SettingsError

_MOST_BYTES = 1_000_000
_POSITION = re.compile(r" \(at (?:line (\d+), (column \d+)|end of document)\)$")


class Locator:
    """Finds the line of a key. The text is searched only when a message needs one."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._lines: dict[tuple[str, ...], int] | None = None

    def __call__(self, *keys: str) -> str:
        if self._lines is None:
            from streamchat.config.lines import find_lines

            self._lines = find_lines(self._text)
        line = self._lines.get(keys)
        return f"{self._path}:{line}" if line else str(self._path)


def read_toml(path: Path, *, required: bool) -> tuple[dict[str, Any], Locator]:
    """Return the content of a file, and what finds its lines; one not `required` may be missing.

    Raises:
        SettingsError: it cannot be read, or is not valid.
    """
    text = read_text(path, required=required)
    return _parse(path, text), Locator(path, text)


def read_text(path: Path, *, required: bool) -> str:
    """Return the text of the file; of one that is missing and not `required`, an empty one.

    Raises:
        SettingsError: it cannot be read.
    """
    if str(path) == os.devnull:  # a usual way to ask for no file
        return ""
    try:
        return read_regular_file(path, _MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        if not required and not _may_exist(path, error):
            return ""
        raise SettingsError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: not UTF-8 text") from None


def _may_exist(path: Path, error: OSError) -> bool:
    """Whether a file that could not be read may exist; a home need not be a directory."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return False
    return os.access(path.parent, os.X_OK)


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise SettingsError(f"{path}: nested too deeply") from None
    except ValueError as error:  # a TOMLDecodeError, or a number with thousands of digits
        message = str(error)
    at = _POSITION.search(message)
    last = text.rstrip("\n").count("\n") + 1
    line = f":{at[1] or last}" if at else ""
    column = f" ({at[2]})" if at and at[2] else ""
    raise SettingsError(f"{path}{line}: {_POSITION.sub('', message)}{column}")
