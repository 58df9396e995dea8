"""Settings: what can be set, and which source wins: flags, environment, profile, file, defaults.

It must not know what the settings are used for. This module brings the declarations alone, which
`--help` needs at once; `config.sources` loads settings, `config.checks` checks single ones.
"""

from __future__ import annotations

from streamchat.config.settings import (
    APP,
    CONFIG_FILE,
    DEFAULT_OPENAI_MODEL,
    LOCAL_MODELS,
    OPENAI_KEY,
    PROFILE,
    SETTINGS,
    ModelError,
    Setting,
    Settings,
    SettingsError,
    find_url_credentials,
)

__all__ = [
    "APP",
    "CONFIG_FILE",
    "DEFAULT_OPENAI_MODEL",
    "LOCAL_MODELS",
    "OPENAI_KEY",
    "PROFILE",
    "SETTINGS",
    "ModelError",
    "Setting",
    "Settings",
    "SettingsError",
    "find_url_credentials",
]
