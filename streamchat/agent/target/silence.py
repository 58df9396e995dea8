"""Why nothing of a turn streamed."""

from __future__ import annotations

from dataclasses import dataclass, field

NOTHING_STREAMED = "nothing streamed: "
CHAIN_IS_SILENT = "the chain does not stream: "


@dataclass(slots=True)
class Silence:
    """Counts a turn's messages by the way they came.

    Attributes:
        streamed: those that came in chunks.
        whole: those that a model sent in one piece.
        reasons: what made models do so, as far as it is known.
        nodes: those that returned a message for which no model seemed to be asked.
    """

    streamed: int = 0
    whole: int = 0
    reasons: dict[str, None] = field(default_factory=dict)
    nodes: dict[str, None] = field(default_factory=dict)

    def explain(self) -> str:
        """Return a notice; empty if something streamed, or there was nothing to stream."""
        if self.streamed:
            return ""
        if self.whole:
            why = next(iter(self.reasons), "streaming=False, or its class cannot stream")
            return f"{NOTHING_STREAMED}the model sends its messages whole ({why})"
        if self.nodes:
            node = next(iter(self.nodes))
            return f"{NOTHING_STREAMED}node {node} returned its message without a LangChain model"
        return ""


def read_reason(notice: str) -> str:
    """Return why nothing streamed, as a notice says it; empty if it says something else."""
    for begin in (NOTHING_STREAMED, CHAIN_IS_SILENT):
        if notice.startswith(begin):
            return notice.removeprefix(begin)
    return ""
