"""Models of providers that have a LangChain package of their own, such as Anthropic."""

from __future__ import annotations

from importlib.util import find_spec

from streamchat.config import ModelError, Provider
from streamchat.config.checks import check_setting


def check_provider(provider: Provider) -> None:
    """Check, without loading anything, that there are a package and a key.

    Raises:
        ModelError: one of them is missing.
        SettingsError: the key cannot be one.
    """
    if not is_installed(provider):
        raise ModelError(
            f"{provider.name}: needs {provider.package}; "
            f"install it with: pip install {provider.requirement}"
        )
    read_key(provider)


def is_installed(provider: Provider) -> bool:
    return find_spec(provider.module) is not None


def read_key(provider: Provider) -> str:
    """Return the key; empty if there is none and none is needed.

    Raises:
        ModelError: it is missing.
        SettingsError: it cannot be a key.
    """
    variable, key = provider.find_key()
    if key:
        check_setting(variable, "api_key", key)
    elif provider.needs_key:
        raise ModelError(f"{provider.name}: needs a key: set {variable}")
    return key
