"""The program with the tiny model of `hub` in place of the embedded ones: python -m tests.tiny."""

from __future__ import annotations

from streamchat.__main__ import main
from streamchat.models.embedded import weights
from tests.hub import TINY

if __name__ == "__main__":
    weights.SMALL = weights.EMBEDDED["local"] = weights.Weights(TINY)
    main()
