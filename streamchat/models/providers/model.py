"""Opens the chat models of providers' packages."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from importlib import import_module
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk
from pydantic import SecretStr

from streamchat.config import Provider, Settings
from streamchat.config.providers import split_model
from streamchat.models.providers import read_key
from streamchat.models.providers.errors import make_cut_error, translate_error
from streamchat.models.wire.normalize import read_reason

_EXTRA_TIMEOUT = 5
_OPTIONS: dict[str, dict[str, Any]] = {
    "google_genai": {"max_retries": 1},  # attempts: 0 stands for a default
    "ollama": {"reasoning": True},
}


class ProviderModel:
    """Mixed into a provider's class of models: streams end or fail as the agent expects."""

    _provider: Provider
    _display_name: str

    @property
    def display_name(self) -> str:
        """The model's name as shown to the user."""
        return self._display_name

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no output may contain."""
        return self._provider.find_secrets()

    @property
    def context_tokens(self) -> int | None:
        """How many tokens the context has, if the package knows the model."""
        tokens: int | None = find_fact(self, "max_input_tokens")
        return tokens

    @property
    def host(self) -> str:
        """What stands for the host in errors."""
        return self._provider.name

    @property
    def key_variable(self) -> str:
        """The environment variable that the key comes from."""
        return self._provider.find_key()[0]

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        """Stream a message.

        Raises:
            openai.APIError: it failed, or the stream ended without a finish reason. All providers
                send one.
        """
        ended = False
        try:
            async with aclosing(super()._astream(*args, **kwargs)) as chunks:  # type: ignore[misc]
                async for chunk in chunks:
                    ended = ended or _is_last(chunk)
                    yield chunk
        except Exception as error:
            failure = translate_error(error, self.host)
            raise failure from failure.__cause__
        if not ended:
            raise make_cut_error(self.host)


class OllamaModel(ProviderModel):
    """Shows the reasoning of models that reason by themselves, and asks no other to."""

    def _chat_params(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**super()._chat_params(*args, **kwargs), "think": None}  # type: ignore[misc]


def find_fact(llm: Any, name: str) -> Any:
    """Return what a provider's package knows about its model; None if it does not tell."""
    return (getattr(llm, "profile", None) or {}).get(name)


def _is_last(chunk: ChatGenerationChunk) -> bool:
    return bool(read_reason((chunk.generation_info or {}) | chunk.message.response_metadata))


def open_provider(settings: Settings) -> BaseChatModel:
    """Return the model `provider:name` that the settings name.

    Raises:
        ModelError: the key is missing.
        SettingsError: the key cannot be one.
        Exception: the provider's library cannot be loaded, or refuses the arguments.
    """
    found = split_model(settings.model_name)
    assert found
    provider, model = found
    kind = getattr(import_module(provider.module), provider.kind)
    mixin = OllamaModel if provider.name == "ollama" else ProviderModel
    names = {"_provider": provider, "_display_name": settings.model_name}
    mixed = type(kind.__name__, (mixin, kind), {"__module__": __name__, **names})
    llm: BaseChatModel = mixed(model=model, **_choose_options(kind, provider, settings))
    takes_no_temperature = find_fact(llm, "temperature") is False
    return llm.model_copy(update={"temperature": None}) if takes_no_temperature else llm


def _choose_options(
    kind: type[BaseChatModel], provider: Provider, settings: Settings
) -> dict[str, Any]:
    """Return the arguments that a class takes, of those that apply to all of them."""
    # The caller's watchdog knows what progress is, so it goes off first; and it alone retries.
    seconds = math.ceil(settings.timeout) + _EXTRA_TIMEOUT
    options = {
        "temperature": settings.temperature,
        "timeout": seconds,
        "client_kwargs": {"timeout": seconds},
        "max_retries": 0,
        **_OPTIONS.get(provider.name, {}),
    }
    if key := read_key(provider):
        options["api_key"] = SecretStr(key)
    offered = {
        *kind.model_fields,
        *(each.alias for each in kind.model_fields.values() if each.alias),
    }
    return {name: value for name, value in options.items() if name in offered}
