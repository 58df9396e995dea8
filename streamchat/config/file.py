"""The configuration file: settings, and profiles, which are settings that have a name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from msgspec import DecodeError, toml

from streamchat.config.checks import Layer, check_values
from streamchat.config.settings import OPENAI_KEY, Settings, SettingsError

KNOWN = frozenset(each.name for each in fields(Settings)) - {"api_key"}
"""The settings that a file may have. People show their files to each other: a key is none."""
PROFILES, DEFAULT_PROFILE = "profile", "default_profile"
_LONG = 40
_POSITION = re.compile(r" \(at (?:line (\d+), (column \d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What the file says, checked.

    Attributes:
        path: where it is, or would be.
        settings: what holds with every profile.
        profiles: what holds with one.
        default: the profile that holds where none is named; empty for none.
        place: says of the names on the way to a value where it stands, as file:line.
    """

    path: Path
    settings: Layer
    profiles: Mapping[str, Layer]
    default: str
    place: Callable[..., str]

    def layers(self, profile: str) -> tuple[Layer, ...]:
        """Returns what holds with a profile, the weaker first; none has an empty name.

        Raises:
            SettingsError: there is no such profile.
        """
        if not profile:
            return (self.settings,)
        if profile not in self.profiles:
            raise SettingsError(f"{self.path}: {_no_profile(profile, self.profiles)}")
        return self.settings, self.profiles[profile]


def read_file(path: Path, *, needed: bool) -> ConfigFile:
    """Reads the file; there need be none unless it is `needed`.

    Raises:
        SettingsError: it cannot be read, or has what cannot be used.
    """
    text = _text(path, needed=needed)
    content, places = _parsed(path, text), _Places(path, text)
    tables = content.pop(PROFILES, {})
    if not isinstance(tables, dict):
        raise SettingsError(f"{places(PROFILES)}: profile: {_NO_TABLE}; see default_profile")
    default = content.pop(DEFAULT_PROFILE, "")
    settings = _layer(content, places)
    profiles = {name: _profile(name, table, places) for name, table in tables.items()}
    if not isinstance(default, str):
        raise SettingsError(f"{places(DEFAULT_PROFILE)}: default_profile: not a name")
    if default and default not in profiles:
        raise SettingsError(f"{places(DEFAULT_PROFILE)}: {_no_profile(default, profiles)}")
    return ConfigFile(path, settings, profiles, default, places)


class _Places:
    """Where in the file each key stands, looked for only when somebody is to be told."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._lines: dict[tuple[str, ...], int] | None = None

    def __call__(self, *keys: str) -> str:
        if self._lines is None:
            from streamchat.config.lines import lines_of

            self._lines = lines_of(self._text)
        line = self._lines.get(keys)
        return f"{self._path}:{line}" if line else str(self._path)


def _text(path: Path, *, needed: bool) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        if not needed and not _is_there(path, error):
            return ""
        raise SettingsError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: not UTF-8 text") from None


def _is_there(path: Path, error: OSError) -> bool:
    """Whether the file could not be read although it may be there: a home can be no directory."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return False
    return os.access(path.parent, os.X_OK)


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return dict(toml.decode(text)) if text else {}
    except RecursionError:
        raise SettingsError(f"{path}: nested too deeply") from None
    except (DecodeError, ValueError) as error:  # ValueError: a number of thousands of digits
        words = str(error)
    at = _POSITION.search(words)
    last = text.rstrip("\n").count("\n") + 1
    line = f":{at[1] or last}" if at else ""
    column = f" ({at[2]})" if at and at[2] else ""
    raise SettingsError(f"{path}{line}: {_POSITION.sub('', words)}{column}")


def _profile(name: str, table: Any, places: _Places) -> Layer:
    if not isinstance(table, dict):
        raise SettingsError(f"{places(PROFILES, name)}: profile.{name}: {_NO_TABLE}")
    return _layer(table, places, PROFILES, name)


_NO_TABLE = "not a profile, which is a table: [profile.NAME]"


def _layer(table: Mapping[str, Any], places: _Places, *within: str) -> Layer:
    def head(name: str) -> str:
        inside = f"{_short('.'.join(within))}: " if within else ""
        return f"{places(*within, name)}: {inside}"

    def place(name: str) -> str:
        stands = places(*within, name)
        return f"profile {within[-1]} in {stands}" if within else stands

    if unknown := [name for name in table if name not in KNOWN]:
        raise SettingsError(f"{head(unknown[0])}{_no_setting(unknown[0], top=not within)}")
    return Layer(check_values(table, lambda name: f"{head(name)}{name}"), place)


def _no_setting(name: str, *, top: bool) -> str:
    if name == "api_key":
        return f"a key has no place in a file: set {OPENAI_KEY}, or name its variable: api_key_env"
    names = {*KNOWN, PROFILES, DEFAULT_PROFILE} if top else KNOWN
    return f"no setting is called {_short(name)}; {_instead(name, names)}"


def _no_profile(name: str, profiles: Iterable[str]) -> str:
    return f"no profile is called {_short(name)}; {_instead(name, profiles)}"


def _instead(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches  # nobody else has a use for it

    if near := get_close_matches(name, names, 1):
        return f"did you mean {_short(near[0])}?"
    return f"there are {', '.join(map(_short, sorted(names))) or 'none'}"


def _short(name: str) -> str:
    return name if len(name) <= _LONG else name[: _LONG - 1] + "…"
