"""The providers whose own LangChain package serves a model, named `provider:model`.

The names of the providers and of their variables are LangChain's, as in `init_chat_model`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of models.

    Attributes:
        name: stands before the colon.
        package: the package on PyPI that connects to it.
        kind: the class of its chat models there.
        key_variables: may hold its key, the first one that is set is used.
        needs_key: whether it answers nothing without a key in one of these variables.
        extra: the extra of streamchat that installs the package; empty if there is none.
        secret_variables: hold secrets that its library finds by itself.
    """

    name: str
    package: str
    kind: str
    key_variables: tuple[str, ...] = ()
    needs_key: bool = True
    extra: str = ""
    secret_variables: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return self.package.replace("-", "_")

    @property
    def requirement(self) -> str:
        """What to install, as pip takes it."""
        return f"'streamchat[{self.extra}]'" if self.extra else self.package

    def find_key(self, environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
        """Return the variable that holds the key, and the key; empty if none is set."""
        for variable in self.key_variables:
            if key := environment.get(variable, "").strip():
                return variable, key
        return self.key_variables[0] if self.key_variables else "", ""

    def find_secrets(self, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        """Return what no output may contain."""
        names = (*self.key_variables, *self.secret_variables)
        return tuple(filter(None, (environment.get(name, "").strip() for name in names)))


_ALL = (
    Provider(
        "anthropic",
        "langchain-anthropic",
        "ChatAnthropic",
        ("ANTHROPIC_API_KEY",),
        extra="anthropic",
    ),
    Provider(
        "google_genai",
        "langchain-google-genai",
        "ChatGoogleGenerativeAI",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        extra="google",
    ),
    Provider(
        "ollama",
        "langchain-ollama",
        "ChatOllama",
        ("OLLAMA_API_KEY",),
        needs_key=False,
        extra="ollama",
    ),
    Provider("mistralai", "langchain-mistralai", "ChatMistralAI", ("MISTRAL_API_KEY",)),
    Provider("groq", "langchain-groq", "ChatGroq", ("GROQ_API_KEY",)),
    Provider("xai", "langchain-xai", "ChatXAI", ("XAI_API_KEY",)),
    Provider("deepseek", "langchain-deepseek", "ChatDeepSeek", ("DEEPSEEK_API_KEY",)),
    Provider(
        "bedrock_converse",
        "langchain-aws",
        "ChatBedrockConverse",
        needs_key=False,
        secret_variables=(
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_BEARER_TOKEN_BEDROCK",
        ),
    ),
)
PROVIDERS: Mapping[str, Provider] = {each.name: each for each in _ALL}


def split_model(model: str) -> tuple[Provider, str] | None:
    """Return the provider and its model if the name is `provider:model`.

    Names on servers have colons, too, such as `llama3:8b`; only a known provider counts.
    """
    name, _, model = model.partition(":")
    provider = PROVIDERS.get(name)
    return (provider, model) if provider and model else None
