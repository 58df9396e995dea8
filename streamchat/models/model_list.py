"""The list of models as servers send it: `{"data": [{"id": ...}, ...]}`, with more facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

_CONTEXT_FIELDS = (
    "context_length",  # OpenRouter, Together
    "max_model_len",  # vLLM
    "context_window",  # Groq
    "max_context_length",  # Mistral
    "n_ctx",  # llama.cpp, in `meta`; its n_ctx_train is not what the server has room for
)
_MOST_TOKENS = 10**9
Models: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What a server says about its models, by their names."""


def read_models(listed: object) -> Models:
    """Return the models in a response, in its order; none if it is not such a list."""
    models = listed.get("data") if isinstance(listed, dict) else None
    entries = (
        [each for each in models if isinstance(each, dict)] if isinstance(models, list) else []
    )
    return {each["id"]: each for each in entries if isinstance(each.get("id"), str)}


def find_context(models: Models, name: str) -> int | None:
    """Return how many tokens the context of a model has, if the list tells.

    A server of a single model, such as llama.cpp's, may call it by another name.
    """
    entry = models.get(name) or (next(iter(models.values())) if len(models) == 1 else {})
    meta = entry.get("meta")
    return next(_iterate_contexts(entry, meta if isinstance(meta, dict) else {}), None)


def _iterate_contexts(*entries: Mapping[str, Any]) -> Iterator[int]:
    for entry in entries:
        for field in _CONTEXT_FIELDS:
            value = entry.get(field)
            if isinstance(value, int) and 1 < value < _MOST_TOKENS:
                yield value
