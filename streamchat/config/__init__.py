"""Settings and where they come from: flags, environment, profile, file, defaults."""

from __future__ import annotations

from streamchat.config.checks import checked_setting
from streamchat.config.settings import (
    APP,
    DEFAULT_OPENAI_MODEL,
    LOCAL_MODELS,
    OPENAI_KEY,
    ModelError,
    Settings,
    SettingsError,
    secrets_of,
)
from streamchat.config.sources import Loaded, config_file, load_settings, load_sources

__all__ = [
    "APP",
    "DEFAULT_OPENAI_MODEL",
    "LOCAL_MODELS",
    "OPENAI_KEY",
    "Loaded",
    "ModelError",
    "Settings",
    "SettingsError",
    "checked_setting",
    "config_file",
    "load_settings",
    "load_sources",
    "secrets_of",
]
