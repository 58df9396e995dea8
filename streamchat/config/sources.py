"""Which of the sources of a setting holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

from streamchat.config.checks import Layer, check_setting, check_values
from streamchat.config.file import DEFAULT_PROFILE, ConfigFile, read_file
from streamchat.config.settings import APP, OPENAI_KEY, Settings

CONFIG, PROFILE = "STREAMCHAT_CONFIG", "STREAMCHAT_PROFILE"
_VARIABLES = {
    "STREAMCHAT_MODEL": "model",
    "OPENAI_BASE_URL": "base_url",
    "STREAMCHAT_TEMPERATURE": "temperature",
    "STREAMCHAT_MAX_STEPS": "max_steps",
    "STREAMCHAT_TIMEOUT": "timeout",
    "STREAMCHAT_SYSTEM": "system",
    "STREAMCHAT_MAX_HISTORY": "max_history",
    "STREAMCHAT_EDITING": "editing",
}
_NAMES = {name: variable for variable, name in _VARIABLES.items()}
VARIABLES = frozenset((*_VARIABLES, CONFIG, PROFILE, OPENAI_KEY))
"""The environment variables that are read, besides those that the file names."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where they come from.

    Attributes:
        settings: what holds.
        file: the configuration file.
        profile: the profile in force; empty for none.
        named_by: what named it: a flag, a variable, a key of the file, or nothing.
        layers: the sources, the weakest first.
    """

    settings: Settings
    file: ConfigFile
    profile: str
    named_by: str
    layers: tuple[Layer, ...]

    @property
    def key_variables(self) -> set[str]:
        """The variables that may hold a key, in force or not."""
        layers = (self.file.settings, *self.file.profiles.values())
        return {OPENAI_KEY, *(layer.values.get("api_key_env", OPENAI_KEY) for layer in layers)}

    @property
    def profile_place(self) -> str:
        """Where the profile was named, for a person."""
        return self.file.place(self.named_by) if self.named_by == DEFAULT_PROFILE else self.named_by

    def place(self, name: str) -> str:
        """Returns where a setting comes from, for a person."""
        if name == "api_key":
            return self.settings.api_key_env if self.settings.api_key else "default"
        if name == "api_key_env" and not _names_the_key(self.layers):
            return "default"
        setting = [layer for layer in self.layers if name in layer.values]
        return setting[-1].place(name) if setting else "default"


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns where the configuration file is, or would be."""
    chosen = environment.get(CONFIG)
    return Path(chosen) if chosen else platformdirs.user_config_path(APP) / "config.toml"


def load_settings(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Returns the settings; a flag that is None was not given, and `profile` names a profile.

    Raises:
        SettingsError: a value cannot be used, or the configuration file cannot be read.
    """
    return load_sources(flags, environment).settings


def load_sources(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Loaded:
    """Returns the settings and where they come from; the arguments are those of load_settings.

    Raises:
        SettingsError: a value cannot be used, or the configuration file cannot be read.
    """
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    file = read_file(config_file(environment), needed=bool(environment.get(CONFIG)))
    profile, named_by = _chosen(given.pop("profile", None), environment, file)
    layers = (*file.layers(profile), _environment_layer(environment), _flags_layer(given))
    settings = _with_key(_settings(layers), environment)
    return Loaded(settings, file, profile, named_by, layers)


def _chosen(flag: str | None, environment: Mapping[str, str], file: ConfigFile) -> tuple[str, str]:
    """An empty flag is no profile, whatever the file says."""
    if flag is not None:
        return flag.strip(), "--profile"
    if variable := environment.get(PROFILE, "").strip():
        return variable, PROFILE
    return file.default, DEFAULT_PROFILE if file.default else "default"


def _flags_layer(given: Mapping[str, Any]) -> Layer:
    def place(name: str) -> str:
        return f"--{name.replace('_', '-')}"

    return Layer(check_values(given, place), place)


def _environment_layer(environment: Mapping[str, str]) -> Layer:
    """An empty variable is one that is not set, as in most programs."""
    found = {name: environment.get(variable, "").strip() for variable, name in _VARIABLES.items()}
    given = {name: value for name, value in found.items() if value}
    return Layer(check_values(given, _NAMES.__getitem__), _NAMES.__getitem__)


def _settings(layers: tuple[Layer, ...]) -> Settings:
    values = {name: value for layer in layers for name, value in layer.values.items()}
    if not _names_the_key(layers):
        values.pop("api_key_env", None)
    return Settings(**values)


def _names_the_key(layers: tuple[Layer, ...]) -> bool:
    """Whether the variable named in the file is the one that holds the key.

    A key is for the server it was meant for: where a stronger source names another server, that
    one must not get it.
    """
    naming = [at for at, layer in enumerate(layers) if "api_key_env" in layer.values]
    serving = [at for at, layer in enumerate(layers) if "base_url" in layer.values]
    return bool(naming) and naming[-1] >= max(serving, default=0)


def _with_key(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """Returns the settings with the key; another variable than the one named is not heeded."""
    variable = settings.api_key_env
    key = environment.get(variable, "").strip() if variable else ""
    if not key:
        return settings
    return replace(settings, api_key=check_setting(variable, "api_key", key))
