"""Checks values of settings; an error names the value's source."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streamchat.config.setting import SettingsError
from streamchat.config.settings import SETTINGS
from streamchat.text.redact import REDACTED
from streamchat.text.surrogates import has_surrogates

_MOST_SHOWN = 80
_URLS = ("base_url", "mcp")
_NEVER_SHOWN = ("api_key", "api_key_env")


@dataclass(frozen=True, slots=True)
class Layer:
    """Checked settings from one source.

    Attributes:
        values: what the source sets.
        locate: returns where a setting is set, as shown to the user.
    """

    values: Mapping[str, Any]
    locate: Callable[[str], str]


def check_setting(source: str, name: str, value: object) -> Any:
    """Return the checked and converted value of a setting.

    Raises:
        SettingsError: the value is invalid; the message begins with the source.
    """
    return check_values({name: value}, lambda _: source)[name]


def check_values(values: Mapping[str, object], source: Callable[[str], str]) -> dict[str, Any]:
    """Return checked and converted settings; `source` is called only for an invalid one.

    Raises:
        SettingsError: the message begins with the source of the setting.
    """
    checked = {}
    for name, value in values.items():
        try:
            if isinstance(value, str) and has_surrogates(value):
                raise ValueError("UTF-8 text")
            checked[name] = SETTINGS[name].kind.parse(value)
        except ValueError as error:
            message = f"{source(name)} must be {error}{_quote(name, value)}"
            raise SettingsError(message) from None
    return checked


def shorten(text: str, limit: int) -> str:
    """Return the text, cut to `limit` characters with `…` if it is longer."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _quote(name: str, value: object) -> str:
    """Quote a value that cannot be used."""
    if name in _NEVER_SHOWN:
        return ""
    if isinstance(value, bool):
        return f" (got {str(value).lower()})"
    if name in _URLS:
        return quote_url(" ".join(value) if isinstance(value, list | tuple) else str(value))
    text = shorten(str(value), _MOST_SHOWN)
    return f" (got {text!r})" if isinstance(value, str) else f" (got {text})"


def quote_url(url: str) -> str:
    """Quote a URL that cannot be used, without credentials, however malformed it is."""
    text = re.sub(r"(?s).*@", f"{REDACTED}@", url)
    return f" (got {shorten(text, _MOST_SHOWN)!r})"
