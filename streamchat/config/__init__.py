"""The settings: what they are, where their values come from, and which source wins.

Nothing here knows what a setting is used for. This module has only the declarations, which
`--help` needs at once; `config.sources` loads settings, and `config.checks` checks single values.
"""

from __future__ import annotations

from streamchat.config.providers import PROVIDERS, Provider
from streamchat.config.setting import ModelError, Setting, SettingsError
from streamchat.config.settings import (
    APP,
    CONFIG_FILE,
    DEFAULT_OPENAI_MODEL,
    LOCAL_MODELS,
    OPENAI_KEY,
    OPENAI_URL,
    PROFILE,
    SETTINGS,
    Settings,
)
from streamchat.config.urls import find_url_credentials

__all__ = [
    "APP",
    "CONFIG_FILE",
    "DEFAULT_OPENAI_MODEL",
    "LOCAL_MODELS",
    "OPENAI_KEY",
    "OPENAI_URL",
    "PROFILE",
    "PROVIDERS",
    "SETTINGS",
    "ModelError",
    "Provider",
    "Setting",
    "Settings",
    "SettingsError",
    "find_url_credentials",
]
