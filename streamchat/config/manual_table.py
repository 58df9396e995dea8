"""The settings as a Markdown table, for the manual."""

from __future__ import annotations

from streamchat.config.setting import Setting, describe_default
from streamchat.config.settings import CONFIG_FILE, PROFILE, SETTINGS, Settings

_HEAD = "| setting | flag | variable | default | |\n|---|---|---|---|---|\n"


def render_settings_table() -> str:
    """Return a table of all settings, with what chooses the file and its profile."""
    defaults = Settings()
    rows = [
        _format_row(name if setting.in_file else "", setting, getattr(defaults, name))
        for name, setting in SETTINGS.items()
    ]
    rows += [_format_row("default_profile", PROFILE, None), _format_row("", CONFIG_FILE, None)]
    return _HEAD + "".join(rows)


def _format_row(name: str, setting: Setting, default: object) -> str:
    cells = (
        _format_code(name),
        ", ".join(map(_format_code, setting.flags)),
        _format_code(setting.variable),
        describe_default(setting, default),
        setting.description,
    )
    return f"| {' | '.join(cells)} |\n"


def _format_code(text: str) -> str:
    return text and f"`{text}`"
