"""The blocks of a turn: texts, calls, and what else is shown between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from streamchat.events import ApprovalGiven, InputRequested
from streamchat.text.pieces import Pieces


@dataclass(frozen=True, slots=True)
class Prose:
    """Text that accompanies the model's calls."""

    text: Pieces = field(default_factory=Pieces)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The model's reasoning, as far as the server reveals it."""

    text: Pieces = field(default_factory=Pieces)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: written in the call `call_id`, or plain text if that is empty.

    It is `refused` if its call failed; the model is then asked again.
    """

    call_id: str = ""
    text: Pieces = field(default_factory=Pieces)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A notice to the user, such as a retry."""

    text: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """The node of the agent's graph that the next blocks come from; see `SpeakerChanged`.

    Without a name it is the graph itself.
    """

    name: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """Lines that the agent's own code printed one after another; see `OutputReceived`."""

    lines: Pieces


@dataclass(frozen=True, slots=True)
class Question:
    """What the agent asks the user, and what the user has answered, if anything yet."""

    request: InputRequested
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A line of Python in which the model writes its calls, until the first of them is known."""

    text: Pieces = field(default_factory=Pieces)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: the fragments of its arguments, the arguments decoded, and its outcome.

    `code` is the line of Python that the model wrote, if this is the line's first call. A call is
    `opened` if it runs a graph whose blocks follow; then a `Result` stands below these. It is
    `waiting` while it needs an approval; `approval` says who gave or refused that. `arguments` are
    those it runs with, also if the user has edited them.
    """

    call_id: str
    name: str
    fragments: Pieces = field(default_factory=Pieces)
    arguments: Mapping[str, Any] | None = None
    state: Literal["arriving", "waiting", "running", "done", "failed"] = "arriving"
    output: str = ""
    seconds: float = 0.0
    code: Pieces = field(default_factory=Pieces)
    opened: bool = False
    approval: ApprovalGiven | None = None

    @property
    def is_asked(self) -> bool:
        """Whether the call waits for somebody to decide about it."""
        return self.state == "waiting" and self.approval is None

    @property
    def is_refused(self) -> bool:
        """Whether somebody has decided that it does not run."""
        return self.approval is not None and not self.approval.approved

    @property
    def failed(self) -> bool:
        """Whether the call ended without a result."""
        return self.state == "failed"

    @property
    def ended(self) -> bool:
        """Whether the call is over, with a result or without."""
        return self.state in ("done", "failed")


@dataclass(frozen=True, slots=True)
class Result:
    """Where an opened call has ended."""

    call_id: str


Block: TypeAlias = (
    Prose | Reasoning | Code | ToolCall | Answer | Note | Result | Speaker | Output | Question
)
