"""Checks of single settings. msgspec sees to types and bounds, and the words are ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_type_hints
from urllib.parse import urlsplit

from msgspec import ValidationError, convert

from streamchat.config.settings import Settings, SettingsError
from streamchat.text.redact import REDACTED

_KEY = re.compile("[!-~]*")  # empty is what Enter gives where one is asked for
# Keys have small letters in them: one that was put where its variable belongs is not taken, and
# so is not shown as if it were a name.
_VARIABLE = re.compile("([A-Z_][A-Z0-9_]*)?")
_SHOWN = 80
_UNSHOWN = ("api_key", "api_key_env")
_TYPES = get_type_hints(Settings, include_extras=True)


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings that come from one place, checked.

    Attributes:
        values: what is set there.
        place: says of a setting where exactly it stands, for a person.
    """

    values: Mapping[str, Any]
    place: Callable[[str], str]


def check_setting(source: str, name: str, value: Any) -> Any:
    """Returns the value of a setting as it is used.

    Raises:
        SettingsError: it cannot be used; the message names where it came from.
    """
    return check_values({name: value}, lambda _: source)[name]


def check_values(given: Mapping[str, Any], source: Callable[[str], str]) -> dict[str, Any]:
    """Returns settings as they are used; `source` is asked only where one cannot be.

    Raises:
        SettingsError: one cannot be used; the message begins with its source.
    """
    checked = {}
    for name, value in given.items():
        try:
            checked[name] = _checked(name, value)
        except ValueError as error:
            raise SettingsError(f"{source(name)}{_shown(name, value)}: {error}") from None
    return checked


def _checked(name: str, value: Any) -> Any:
    check = _CHECKS[name]
    try:
        # Numbers may be given as text, as in the environment.
        return check.refine(convert(value, _TYPES[name], strict=not check.number))
    except ValidationError:
        raise ValueError(check.complaint) from None


def _shown(name: str, value: Any) -> str:
    """Returns a value without what may be a login in it, however wrong the address is."""
    if name in _UNSHOWN:
        return ""
    text = str(value)
    text = re.sub(r".*@", f"{REDACTED}@", text) if name == "base_url" else text
    return f" {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'!r}"


def _as_it_is(value: Any) -> Any:
    return value


def _name(value: str) -> str:
    if not value.strip():
        raise ValueError("not a name")
    return value.strip()


def _text(value: str) -> str | None:
    """An empty one takes back what a layer below says."""
    return value.strip() or None


def _url(value: str) -> str:
    address = urlsplit(value)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError(_CHECKS["base_url"].complaint)
    _ = address.port  # raises ValueError if it is no port
    if address.query or address.fragment:
        raise ValueError("not an address that paths can be added to: it has a query")
    return value.removesuffix("/").removesuffix("/chat/completions")


def _key(value: str) -> str:
    if not _KEY.fullmatch(value.strip()):
        raise ValueError(_CHECKS["api_key"].complaint)
    return value.strip()


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value.strip()):
        raise ValueError(_CHECKS["api_key_env"].complaint)
    return value.strip()


class _Check(NamedTuple):
    complaint: str
    """What is said of a value of another type, or out of bounds."""
    refine: Callable[[Any], Any] = _as_it_is
    number: bool = False


_SWITCH = _Check("neither true nor false")
_CHECKS: Mapping[str, _Check] = {
    "model": _Check("not a name", _name),
    "base_url": _Check("not an address that begins with http:// or https://", _url),
    "api_key": _Check("not a key: it has spaces, or characters that no key has", _key),
    "api_key_env": _Check("not the name, in capitals, of a variable that holds a key", _variable),
    "temperature": _Check("not a number from 0 to 2", number=True),
    "max_steps": _Check("not a whole number from 1 to 1000", number=True),
    "timeout": _Check("not a number of seconds from 0.1 to 86400", number=True),
    "system": _Check("not a text", _text),
    "max_history": _Check("not a whole number from 1000 to 10000000", number=True),
    "save": _SWITCH,
    "editing": _Check("neither emacs nor vi"),
    "clipboard": _Check("neither tool nor osc52"),
    "trace": _SWITCH,
}
