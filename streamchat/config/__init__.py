"""Settings and where they come from: flags, environment, profile, file, defaults."""

from __future__ import annotations

from streamchat.config.checks import check_setting
from streamchat.config.settings import (
    APP,
    DEFAULT_OPENAI_MODEL,
    LOCAL_MODELS,
    OPENAI_KEY,
    ModelError,
    Settings,
    SettingsError,
    find_url_credentials,
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
    "check_setting",
    "config_file",
    "find_url_credentials",
    "load_settings",
    "load_sources",
]
