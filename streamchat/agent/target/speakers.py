"""Who speaks in a graph, and in which order messages that arrive together are shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from streamchat.events import (
    ArgumentsDelta,
    Event,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    ToolCallStarted,
)

# Nodes of prebuilt agents: their names say nothing.
_GENERIC = frozenset({"model", "agent", "tools", "model_request", "call_model", "llm", "chatbot"})
_ASKING = frozenset({"invoke", "ainvoke", "stream", "astream"})
_UNNAMED = frozenset({"", "LangGraph"})
_BESIDE = (ArgumentsDelta, StepStarted, StepFinished)
"""Events that begin no block."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A node that writes messages. `run` tells one run of its subgraph from another."""

    name: str
    depth: int = 0
    run: tuple[str, ...] = ()


def find_speaker(
    namespace: Sequence[str], metadata: Mapping[str, Any], graph_name: str = ""
) -> Speaker:
    """Return who writes a message.

    A node inside a prebuilt agent goes by the agent's name or, if it has none, by the name of the
    node that the agent is.

    Args:
        namespace: of the message: a `node:id` for each graph around its own.
        metadata: LangGraph's, of the message.
        graph_name: the root graph's.
    """
    names = [part.partition(":")[0] for part in namespace]
    # A middleware's hook is a node, too: `SummarizationMiddleware.before_model`.
    node = str(metadata.get("langgraph_node") or "").partition(".")[0]
    if node in _GENERIC or not node:
        around = (name for name in reversed(names) if name not in _GENERIC)
        own = "" if graph_name in _UNNAMED else graph_name
        node = str(metadata.get("lc_agent_name") or next(around, "") or own or "agent")
    return Speaker(node, len(names), tuple(namespace))


def has_several_speakers(graph: Any) -> bool:
    """Whether more than one of a graph's own nodes looks as if it asked a model."""
    return sum(_can_speak(name, node) for name, node in graph.nodes.items()) > 1


def _can_speak(name: str, node: Any) -> bool:
    bound = getattr(node, "bound", None)
    # The names of middleware hooks have a dot.
    if name.startswith("__") or "." in name or hasattr(bound, "tools_by_name"):
        return False
    functions = [getattr(bound, each, None) for each in ("func", "afunc")]
    if not any(functions):
        return True
    codes = [getattr(each, "__code__", None) for each in functions]
    return any(_ASKING.intersection(_list_names(code)) for code in codes if code)


def _list_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _list_names(inner)


@dataclass(slots=True)
class _Message:
    speaker: Speaker
    held: list[Event] = field(default_factory=list)
    closed: bool = False


class Floor:
    """Orders the events of messages that arrive at the same time.

    One message has the floor until it is complete, and its text is shown as it arrives. Text of
    the others waits for its turn. Their calls need not wait once the first message has begun
    its own calls: each fragment carries the ID of its call.

    Args:
        announces: whether the first speaker is announced, too. All are as soon as there are two.
    """

    def __init__(self, *, announces: bool = False) -> None:
        self.announces = announces
        self._messages: dict[Hashable, _Message] = {}
        self._waiting: deque[_Message] = deque()
        self._holder: _Message | None = None
        self._in_calls = False
        self._current: Speaker | None = None
        self._begun: set[str] = set()
        self._owners: dict[str, _Message] = {}

    @property
    def is_free(self) -> bool:
        """Whether no message is on its way."""
        return self._holder is None

    def open(self, key: Hashable, speaker: Speaker) -> None:
        """Begin a message."""
        self._messages[key] = _Message(speaker)

    def feed(self, key: Hashable, events: Iterable[Event]) -> list[Event]:
        """Return what is to be shown now that a message has gone on."""
        message = self._messages[key]
        shown: list[Event] = []
        for event in events:
            shown += self._take(message, event)
        return shown

    def feed_call(self, call_id: str, events: Sequence[Event]) -> list[Event]:
        """Return what is to be shown now that a call's tool has started or finished."""
        owner = self._owners.get(call_id)
        if owner and call_id not in self._begun:
            owner.held += events
            return []
        return list(events)

    def close(self, key: Hashable) -> list[Event]:
        """End a message, and return what has waited for that."""
        message = self._messages.pop(key)
        message.closed = True
        if message is not self._holder:
            return []
        self._holder = None
        return self._pass_on()

    def close_all(self) -> list[Event]:
        """End all messages, and return everything that has waited."""
        shown: list[Event] = []
        for key in list(self._messages):
            shown += self.close(key)
        return shown

    def _take(self, message: _Message, event: Event) -> list[Event]:
        if isinstance(event, ToolCallStarted):
            self._owners[event.call_id] = message
        if isinstance(event, ArgumentsDelta) and event.call_id in self._begun:
            return [event]
        if not message.held:
            if self._holder is None:
                self._holder, self._in_calls = message, False
            beside = isinstance(event, ToolCallStarted) and self._in_calls
            if message is self._holder or beside:
                return self._show(message, event)
            self._waiting.append(message)
        message.held.append(event)
        return []

    def _pass_on(self) -> list[Event]:
        """Give the floor to the message that has waited longest."""
        shown: list[Event] = []
        while self._holder is None and self._waiting:
            message = self._holder = self._waiting.popleft()
            self._in_calls = False
            held, message.held = message.held, []
            for event in held:
                shown += self._show(message, event)
            if message.closed:
                self._holder = None
        return shown

    def _show(self, message: _Message, event: Event) -> list[Event]:
        if isinstance(event, ToolCallStarted):
            self._begun.add(event.call_id)
            self._in_calls = True
        elif message is self._holder and not isinstance(event, _BESIDE):
            self._in_calls = False
        return [*self._announce(message.speaker, event), event]

    def _announce(self, speaker: Speaker, event: Event) -> list[Event]:
        before = self._current
        if speaker == before or isinstance(event, _BESIDE):
            return []
        if before and (speaker.name, speaker.depth) != (before.name, before.depth):
            self.announces = True
        self._current = speaker
        return [SpeakerChanged(speaker.name, speaker.depth)] if self.announces else []
