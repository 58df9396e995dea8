"""Loads the settings.

Flags override the environment, which overrides a profile, which overrides the rest of the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from streamchat.config.approval import APPROVAL, merge_rules, read_project
from streamchat.config.checks import Layer, check_setting, check_values
from streamchat.config.environment import read_network
from streamchat.config.file import DEFAULT_PROFILE, ConfigFile, read_file
from streamchat.config.mcp.finding import find_servers
from streamchat.config.reading import read_utf8
from streamchat.config.settings import APP, CONFIG_FILE, OPENAI_KEY, PROFILE, SETTINGS, Settings

# The key is read last, from the variable that the other settings name.
_VARIABLES = {
    name: setting.variable
    for name, setting in SETTINGS.items()
    if setting.variable and name != "api_key"
}
VARIABLES = frozenset(
    (*_VARIABLES.values(), CONFIG_FILE.variable, PROFILE.variable, OPENAI_KEY),
)
"""The environment variables that are read, apart from those that the file names."""
_SERVERS = {"mcp", "mcp_config"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where they come from.

    Attributes:
        settings: the settings that apply.
        file: the configuration file.
        profile: the profile in use; empty for none.
        named_by: what chose it: a flag, a variable, a key of the file, or "default" if nothing did.
        layers: the sources, the weakest first.
    """

    settings: Settings
    file: ConfigFile
    profile: str
    named_by: str
    layers: tuple[Layer, ...]

    @property
    def key_variables(self) -> set[str]:
        """The variables that may hold a key, used or not."""
        layers = (self.file.settings, *self.file.profiles.values())
        return {OPENAI_KEY, *(layer.values.get("api_key_env", OPENAI_KEY) for layer in layers)}

    @property
    def key_variable(self) -> str:
        """The variable that the key in use comes from; empty if there is none."""
        if self.settings.provider:
            variable, key = self.settings.provider.find_key()
            return variable if key else ""
        return self.settings.api_key_env if self.settings.api_key else ""

    @property
    def profile_place(self) -> str:
        """Where the profile was named, as shown to the user."""
        if self.named_by == DEFAULT_PROFILE:
            return self.file.locate(DEFAULT_PROFILE)
        return self.named_by

    def locate(self, name: str) -> str:
        """Return where a setting comes from, as shown to the user."""
        if name == "api_key":
            return self.key_variable or "default"
        if name in _find_displaced(self.layers):
            return "default"
        strongest = next((each for each in reversed(self.layers) if name in each.values), None)
        return strongest.locate(name) if strongest else "default"

    def list_flags(self, *names: str) -> list[str]:
        """Return the flags among those for these settings that were given."""
        *_, flags = self.layers
        return [flags.locate(name) for name in names if name in flags.values]

    def is_chosen(self, name: str) -> bool:
        """Whether a setting was chosen for this run: by a flag, a variable, or a profile of one.

        What the file says by itself applies to every run.
        """
        *others, environment, flags = self.layers
        chosen = [environment, flags]
        if self.profile and self.named_by != DEFAULT_PROFILE:
            chosen += others[-1:]
        return any(name in layer.values for layer in chosen)


def find_config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the configuration file is, or would be."""
    if chosen := environment.get(CONFIG_FILE.variable):
        return Path(chosen)
    import platformdirs  # not needed where a file was chosen

    return platformdirs.user_config_path(APP) / "config.toml"


def load_settings(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings, once the variables that the libraries read are checked as well.

    Args:
        flags: settings by name, and `profile`. None stands for a flag that was not given.
        environment: the variables; by default those of the process.

    Raises:
        SettingsError: a value is invalid, or the configuration file cannot be read.
    """
    loaded = load_sources(flags, environment)
    read_network(loaded.settings.server_url, environment)
    servers = find_servers(loaded.settings, os.environ if environment is None else environment)
    return replace(loaded.settings, mcp=servers)


def load_sources(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Loaded:
    """Return the settings and where they come from; arguments and errors as for `load_settings`."""
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    required = bool(environment.get(CONFIG_FILE.variable))
    file = read_file(find_config_file(environment), required=required)
    profile, named_by = _choose_profile(given.pop("profile", None), environment, file)
    layers = (*file.choose_layers(profile), _read_environment(environment), _read_flags(given))
    settings = replace(_merge(layers), project_approval=read_project())
    settings = _read_key(settings, environment)
    return Loaded(settings, file, profile, named_by, layers)


def _choose_profile(
    flag: str | None, environment: Mapping[str, str], file: ConfigFile
) -> tuple[str, str]:
    """Return the profile and what chose it; an empty flag means none, whatever the file says."""
    if flag is not None:
        return flag.strip(), PROFILE.flags[0]
    if name := _read_variable(environment, PROFILE.variable):
        return name, PROFILE.variable
    return file.default, DEFAULT_PROFILE if file.default else "default"


def _read_flags(given: Mapping[str, Any]) -> Layer:
    def locate(name: str) -> str:
        first, *negative = SETTINGS[name].flags
        return negative[0] if given[name] is False else first

    return Layer(check_values(given, locate), locate)


def _read_environment(environment: Mapping[str, str]) -> Layer:
    """Read the variables; an empty one counts as not set, as in most programs."""
    found = {name: _read_variable(environment, each) for name, each in _VARIABLES.items()}
    given = {name: value for name, value in found.items() if value}
    return Layer(check_values(given, _VARIABLES.__getitem__), _VARIABLES.__getitem__)


def _read_variable(environment: Mapping[str, str], name: str) -> str:
    return read_utf8(environment.get(name, "")).strip()


def _merge(layers: tuple[Layer, ...]) -> Settings:
    values = {name: value for layer in layers for name, value in layer.values.items()}
    for name in _find_displaced(layers):
        values.pop(name, None)
    rules = (layer.values.get(APPROVAL, ()) for layer in layers)
    values[APPROVAL] = reduce(merge_rules, rules)
    return Settings(**values)


def _find_displaced(layers: tuple[Layer, ...]) -> set[str]:
    """Return the settings that do not apply, because a stronger source sets another."""
    displaced = set()
    if not _is_key_variable_trusted(layers):
        displaced.add("api_key_env")
    if _is_agent_displaced(layers):
        displaced.add("agent")
    # Servers named for a run or in a profile are all there are, however a weaker source names some.
    naming = next((each for each in reversed(layers) if _SERVERS & each.values.keys()), None)
    return displaced | (_SERVERS - naming.values.keys() if naming else set())


def _is_agent_displaced(layers: tuple[Layer, ...]) -> bool:
    """Whether a stronger source than the agent's names a model or a server.

    That of the environment does not count: it is often there for the agent itself.
    """
    environment = layers[-2]
    naming = [at for at, layer in enumerate(layers) if "agent" in layer.values]
    others = [
        at
        for at, layer in enumerate(layers)
        if layer is not environment and {"model", "base_url"} & layer.values.keys()
    ]
    return bool(naming) and naming[-1] < max(others, default=0)


def _is_key_variable_trusted(layers: tuple[Layer, ...]) -> bool:
    """Whether the key in the variable that the file names may be sent to the server in use.

    A key belongs to one server: if a stronger source names another server, that one must not
    get the key.
    """
    naming = [at for at, layer in enumerate(layers) if "api_key_env" in layer.values]
    serving = [at for at, layer in enumerate(layers) if "base_url" in layer.values]
    return bool(naming) and naming[-1] >= max(serving, default=0)


def _read_key(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """Return the settings with the key from the variable they name, and from no other."""
    variable = settings.api_key_env
    key = environment.get(variable, "").strip() if variable else ""
    if not key:
        return settings
    return replace(settings, api_key=check_setting(variable, "api_key", key))
