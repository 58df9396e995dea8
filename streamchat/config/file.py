"""The configuration file: settings, and profiles, which are named groups of settings."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamchat.config.checks import Layer, check_values, shorten
from streamchat.config.mcp.tables import read_tables
from streamchat.config.reading import read_regular_file
from streamchat.config.settings import OPENAI_KEY, SETTINGS, SettingsError
from streamchat.text.suggest import find_closest

_KNOWN = frozenset(name for name, setting in SETTINGS.items() if setting.in_file)
PROFILES, DEFAULT_PROFILE, MCP = "profile", "default_profile", "mcp"
_MOST_SHOWN = 40
_MOST_BYTES = 1_000_000
_NOT_A_TABLE = "must be a table: [profile.NAME]"
_POSITION = re.compile(r" \(at (?:line (\d+), (column \d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The checked content of the file.

    Attributes:
        path: where it is, or would be.
        settings: what it sets outside profiles.
        profiles: what each profile sets.
        default: the profile to use when none is named; empty for none.
        locate: returns the file:line at which the given keys are set.
    """

    path: Path
    settings: Layer
    profiles: Mapping[str, Layer]
    default: str
    locate: Callable[..., str]

    def choose_layers(self, profile: str) -> tuple[Layer, ...]:
        """Return the layers that apply with a profile, the weaker first; an empty name means none.

        Raises:
            SettingsError: there is no such profile.
        """
        if not profile:
            return (self.settings,)
        if profile not in self.profiles:
            raise SettingsError(f"{self.path}: {_describe_unknown_profile(profile, self.profiles)}")
        return self.settings, self.profiles[profile]


def read_file(path: Path, *, required: bool) -> ConfigFile:
    """Read the file; one that is not `required` may be missing.

    Raises:
        SettingsError: the file cannot be read, or something in it is invalid.
    """
    text = _read_text(path, required=required)
    content, locator = _parse(path, text), _Locator(path, text)
    tables = content.pop(PROFILES, {})
    if not isinstance(tables, dict):
        raise SettingsError(f"{locator(PROFILES)}: profile {_NOT_A_TABLE}; see default_profile")
    default = content.pop(DEFAULT_PROFILE, "")
    settings = _read_layer(content, locator)
    profiles = {name: _read_profile(name, table, locator) for name, table in tables.items()}
    if not isinstance(default, str):
        raise SettingsError(f"{locator(DEFAULT_PROFILE)}: default_profile must be a name")
    if default and default not in profiles:
        raise SettingsError(
            f"{locator(DEFAULT_PROFILE)}: {_describe_unknown_profile(default, profiles)}"
        )
    return ConfigFile(path, settings, profiles, default, locator)


class _Locator:
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


def _read_text(path: Path, *, required: bool) -> str:
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


def _read_profile(name: str, table: Any, locator: _Locator) -> Layer:
    if not isinstance(table, dict):
        raise SettingsError(f"{locator(PROFILES, name)}: profile.{name} {_NOT_A_TABLE}")
    return _read_layer(table, locator, PROFILES, name)


def _read_layer(table: Mapping[str, Any], locator: _Locator, *within: str) -> Layer:
    def describe(name: str) -> str:
        profile = f"{_shorten('.'.join(within))}: " if within else ""
        return f"{locator(*within, name)}: {profile}"

    def locate(name: str) -> str:
        line = locator(*within, name)
        return f"profile {within[-1]} in {line}" if within else line

    unknown = next((name for name in table if name not in _KNOWN), None)
    if unknown is not None:  # it may be empty
        raise SettingsError(
            f"{describe(unknown)}{_describe_unknown_setting(unknown, top=not within)}"
        )
    own = {name: value for name, value in table.items() if name != MCP}
    values = check_values(own, lambda name: f"{describe(name)}{name}")
    if MCP in table:
        values[MCP] = read_tables(table[MCP], locator, *within)
    return Layer(values, locate)


def _describe_unknown_setting(name: str, *, top: bool) -> str:
    if name == "api_key":
        return (
            f"a key does not belong in this file: set {OPENAI_KEY}, "
            "or name another variable with api_key_env"
        )
    names = {*_KNOWN, PROFILES, DEFAULT_PROFILE} if top else _KNOWN
    return f"unknown setting {_shorten(name)}; {_suggest(name, names)}"


def _describe_unknown_profile(name: str, profiles: Iterable[str]) -> str:
    return f"unknown profile {_shorten(name)}; {_suggest(name, profiles)}"


def _suggest(name: str, names: Iterable[str]) -> str:
    if close := find_closest(name, names):
        return f"did you mean {_shorten(close)}?"
    known = ", ".join(map(_shorten, sorted(names)))
    return f"choose from {known}" if known else "the file has none"


def _shorten(name: str) -> str:
    return shorten(name, _MOST_SHOWN) or '""'
