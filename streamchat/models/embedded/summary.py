"""What the embedded model is, in a few words, without loading it."""

from __future__ import annotations

from streamchat.config import Settings
from streamchat.models.embedded.weights import choose_weights

CONTEXT_TOKENS = 8192
"""What a conversation with it may take."""
_SIZES = {"local": "0.5B", "local-large": "1.5B"}


def summarize_embedded(settings: Settings) -> list[str]:
    """Return what the local model is and what it is good for, the longest text first."""
    name = settings.model_name
    if settings.gguf:
        return [f"{name} inside this program", name]
    size = _SIZES[settings.model or choose_weights().name]
    return [
        f"{name}: a {size} model inside this program, good for sums",
        f"{name}: a {size} model, good for sums",
        f"{name}: a {size} model for sums",
        f"{name}: a {size} model",
        name,
    ]
