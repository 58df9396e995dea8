"""Settings: command line over environment over configuration file over defaults."""

from __future__ import annotations

import math
import os
import re
import tomllib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import platformdirs

from streamchat.safe import BLOT

APP = "streamchat"
LOCAL_MODELS = ("local", "local-large")
_KEY = re.compile("[!-~]*")  # empty is what Enter gives where one is asked for
_LONG_NAME = 8
_PATHS = ("/", "./", "../", "~")
DEFAULT_OPENAI_MODEL = "gpt-4o-mini"


class SettingsError(Exception):
    """A setting that cannot be used; the message names it and where it came from."""


class ModelError(Exception):
    """The model that the settings name cannot be had here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has chosen, loaded once and passed down.

    Attributes:
        model: a model's name, `local`, `local-large` or the path of a GGUF file; None for the
            default of whatever answers.
        base_url: the address of an OpenAI-compatible server; None for OpenAI's own.
        api_key: never shown, not even by repr.
        temperature: 0 for the likeliest token each time.
        max_steps: how many messages a model may write in a turn.
        timeout: seconds without progress after which a turn fails.
        trace: whether LangSmith is told of every run.
    """

    model: str | None = None
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    temperature: float = 0.0
    max_steps: int = 10
    timeout: float = 60.0
    trace: bool = False

    @property
    def gguf(self) -> Path | None:
        """The model file that `model` names, if it names one.

        Servers name models by files of theirs, too: with a server it must be a file that is here.
        """
        name = self.model or ""
        if not (name.lower().endswith(".gguf") or name.startswith(_PATHS)):
            return None
        path = Path(name).expanduser()
        return path if path.is_file() or not self.base_url else None

    @property
    def is_local(self) -> bool:
        """Whether the model runs inside this process."""
        if self.gguf or self.model in LOCAL_MODELS:
            return True
        return not (self.model or self.base_url or self.api_key)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be in no output: the key, and what lets in by the server's address."""
        return (*([self.api_key] if self.api_key else []), *secrets_of(self.base_url))

    @property
    def needs_key(self) -> bool:
        """Whether OpenAI itself was asked for and no key is there."""
        host = urlsplit(self.base_url).hostname if self.base_url else "api.openai.com"
        return not self.is_local and not self.api_key and host == "api.openai.com"


def secrets_of(address: str | None) -> tuple[str, ...]:
    """Returns what in an address lets in, as it is written there, decoded, and as it is sent."""
    parts = urlsplit(address or "")
    user, password = parts.username or "", parts.password or ""
    found = {user, password} if not password or len(user) >= _LONG_NAME else {password}
    decoded = {unquote(each) for each in found}
    login = f"{unquote(user)}:{unquote(password)}".encode()
    sent = {b64encode(login).decode()} if user or password else set()
    return tuple(sorted(filter(None, found | decoded | sent), key=len, reverse=True))


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns where the configuration file is, or would be."""
    chosen = environment.get("STREAMCHAT_CONFIG")
    return Path(chosen) if chosen else platformdirs.user_config_path(APP) / "config.toml"


def load_settings(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Returns the settings; a flag that is None was not given.

    Raises:
        SettingsError: a value cannot be used, or the configuration file cannot be read.
    """
    environment = os.environ if environment is None else environment
    layers = (
        *_file_layer(config_file(environment), needed=bool(environment.get("STREAMCHAT_CONFIG"))),
        *_environment_layer(environment),
        *_flags_layer(flags or {}),
    )
    return Settings(
        **{name: checked_setting(source, name, value) for source, name, value in layers}
    )


_VARIABLES = {
    "STREAMCHAT_MODEL": "model",
    "OPENAI_BASE_URL": "base_url",
    "OPENAI_API_KEY": "api_key",
    "STREAMCHAT_TEMPERATURE": "temperature",
    "STREAMCHAT_MAX_STEPS": "max_steps",
    "STREAMCHAT_TIMEOUT": "timeout",
}

_Layer: TypeAlias = list[tuple[str, str, Any]]
"""Where a value came from, the setting's name, the value."""


def _flags_layer(flags: Mapping[str, Any]) -> _Layer:
    given = {name: value for name, value in flags.items() if value is not None}
    return [(f"--{name.replace('_', '-')}", name, value) for name, value in given.items()]


def _environment_layer(environment: Mapping[str, str]) -> _Layer:
    """An empty variable is one that is not set, as in most programs."""
    found = ((variable, environment.get(variable, "").strip()) for variable in _VARIABLES)
    return [(variable, _VARIABLES[variable], value) for variable, value in found if value]


def _file_layer(path: Path, *, needed: bool) -> _Layer:
    """A key has no place in a file that people show each other, so it is not read from there."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        if not needed and not _is_there(path, error):
            return []
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    known = {each.name for each in fields(Settings)} - {"api_key"}
    if unknown := sorted(content.keys() - known):
        raise SettingsError(
            f"{path}: no setting is called {unknown[0]}; there are {', '.join(sorted(known))}"
        )
    return [(f"{path}: {name}", name, value) for name, value in content.items()]


def _is_there(path: Path, error: OSError) -> bool:
    """Whether the file could not be read although it may be there: a home can be no directory."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return False
    return os.access(path.parent, os.X_OK)


def checked_setting(source: str, name: str, value: Any) -> Any:
    """Returns the value of a setting as it is used.

    Raises:
        SettingsError: it cannot be used; the message names where it came from.
    """
    try:
        return _CHECKS[name](value)
    except (ValueError, TypeError, OverflowError) as error:
        shown = "" if name == "api_key" else f" {_shown(name, value)[:80]!r}"
        raise SettingsError(f"{source}{shown}: {error}") from None


def _shown(name: str, value: Any) -> str:
    """Returns a value without what may be a login in it, however wrong the address is."""
    return re.sub(r".*@", f"{BLOT}@", str(value)) if name == "base_url" else str(value)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("not a name")
    return value.strip()


def _url(value: Any) -> str:
    address = urlsplit(value if isinstance(value, str) else "")
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError("not an address that begins with http:// or https://")
    _ = address.port  # raises ValueError if it is no port
    if address.query or address.fragment:
        raise ValueError("not an address that paths can be added to: it has a query")
    return str(value).removesuffix("/").removesuffix("/chat/completions")


def _key(value: Any) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value.strip()):
        raise ValueError("not a key: it has spaces, or characters that no key has")
    return value.strip()


def _number(low: float, high: float, what: str) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (ValueError, TypeError):
            number = math.nan
        if not low <= number <= high:
            raise ValueError(what)
        return number

    return check


def _count(value: Any) -> int:
    number = _number(1, 1000, "not a whole number from 1 to 1000")(value)
    if not number.is_integer():
        raise ValueError("not a whole number from 1 to 1000")
    return int(number)


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "model": _name,
    "base_url": _url,
    "api_key": _key,
    "temperature": _number(0, 2, "not a number from 0 to 2"),
    "max_steps": _count,
    "timeout": _number(0.1, 86_400, "not a number of seconds from 0.1 to 86400"),
    "trace": _switch,
}
