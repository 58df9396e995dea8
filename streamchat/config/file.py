"""The configuration file: settings, and profiles, which are named groups of settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streamchat.config.approval import APPROVAL, read_rules
from streamchat.config.checks import Layer, check_values, shorten
from streamchat.config.mcp.tables import read_tables
from streamchat.config.paths import anchor
from streamchat.config.setting import SettingsError
from streamchat.config.settings import OPENAI_KEY, SETTINGS
from streamchat.config.toml import Locator, read_toml
from streamchat.text.suggest import find_closest

_KNOWN = frozenset(name for name, setting in SETTINGS.items() if setting.in_file)
PROFILES, DEFAULT_PROFILE, MCP = "profile", "default_profile", "mcp"
_MOST_SHOWN = 40
_NOT_A_TABLE = "must be a table: [profile.NAME]"


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
    content, locator = read_toml(path, required=required)
    tables = content.pop(PROFILES, {})
    if not isinstance(tables, dict):
        raise SettingsError(f"{locator(PROFILES)}: profile {_NOT_A_TABLE}; see default_profile")
    default = content.pop(DEFAULT_PROFILE, "")
    settings = _anchor(path, _read_layer(content, locator))
    profiles = {
        name: _anchor(path, _read_profile(name, table, locator)) for name, table in tables.items()
    }
    if not isinstance(default, str):
        raise SettingsError(f"{locator(DEFAULT_PROFILE)}: default_profile must be a name")
    if default and default not in profiles:
        raise SettingsError(
            f"{locator(DEFAULT_PROFILE)}: {_describe_unknown_profile(default, profiles)}"
        )
    return ConfigFile(path, settings, profiles, default, locator)


def _anchor(path: Path, layer: Layer) -> Layer:
    values = {name: anchor(name, each, path.parent) for name, each in layer.values.items()}
    return replace(layer, values=values)


def _read_profile(name: str, table: Any, locator: Locator) -> Layer:
    if not isinstance(table, dict):
        raise SettingsError(f"{locator(PROFILES, name)}: profile.{name} {_NOT_A_TABLE}")
    return _read_layer(table, locator, PROFILES, name)


def _read_layer(table: Mapping[str, Any], locator: Locator, *within: str) -> Layer:
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
    own = {name: value for name, value in table.items() if name not in (MCP, APPROVAL)}
    values = check_values(own, lambda name: f"{describe(name)}{name}")
    if MCP in table:
        values[MCP] = read_tables(table[MCP], locator, *within)
    if APPROVAL in table:
        values[APPROVAL] = read_rules(table[APPROVAL], locator, *within)
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
