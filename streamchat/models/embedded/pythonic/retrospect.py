"""Questions that look back at the conversation, such as "What did I ask first?"."""

from __future__ import annotations

import re

_ABOUT = re.compile(
    r"\b(?:i|i'm|my|mine|we|our)\b|\b(?:first|last|previous|earlier)\s+(?:question|answer|message)\b|"
    r"\b(?:conversation|remember|repeat|you\s+(?:said|say|told|answered))\b",
    re.IGNORECASE,
)
"""Names the user, whom only the conversation tells about, or the conversation."""


def looks_back(question: str) -> bool:
    """Whether the answer to a question without numbers is likely in the conversation."""
    return bool(_ABOUT.search(question))
