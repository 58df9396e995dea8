"""Reads the messages of an OpenAI request: the question, the exchanges before it, instructions.

Pure. A message that nobody has answered is part of the question after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamchat.agent.budget import take_newest
from streamchat.agent.interrupted import INTERRUPTED
from streamchat.agent.source import Exchange
from streamchat.events import ArgumentsDelta, Event, TextDelta, ToolCallStarted, ToolFinished
from streamchat.text.think import ThinkSplitter

_BREAK = "\n\n"
_OPENING = "(start of the conversation)"
"""Stands for the question where an assistant speaks first."""
_TEXTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
"""The kinds of parts that are text, and the field that holds it."""


class InvalidBodyError(ValueError):
    """A body is not one, or asks for what cannot be done.

    Attributes:
        message: why, in one line.
        param: the field that is to blame; None for the whole body.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param = message, param


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages of a request; `instructions` are those of the system and the developer."""

    question: str
    history: Sequence[Exchange] = ()
    instructions: str = ""


def read_messages(messages: object) -> Conversation:
    """Return the conversation.

    Raises:
        InvalidBodyError: there are none, they hold more than text, or the last is not the user's.
    """
    if not isinstance(messages, list) or not messages:
        raise InvalidBodyError("messages: a list with at least one message is needed", "messages")
    instructions: list[str] = []
    reader = _Reader()
    for at, message in enumerate(messages):
        role, text = _read_message(message, f"messages[{at}]")
        match role:
            case "system" | "developer":
                instructions.append(text)
            case "user":
                reader.add_question(text)
            case "assistant":
                reader.add_reply(_remove_reasoning(text), message.get("tool_calls"))
            case "tool" | "function":
                reader.add_result(text, str(message.get("tool_call_id") or ""))
            case _:
                raise InvalidBodyError(
                    f"messages[{at}].role: unknown role {role!r:.40}", "messages"
                )
    return Conversation(reader.finish(), reader.history, _join(instructions))


def select_newest(history: Sequence[Exchange], budget: int) -> Sequence[Exchange]:
    """Return the newest exchanges that have no more characters than the budget."""
    return take_newest(history, budget, _count_characters)


def _count_characters(exchange: Exchange) -> int:
    results = sum(len(each.output) for each in exchange.events if isinstance(each, ToolFinished))
    return len(exchange.question) + len(exchange.answer) + results


@dataclass(slots=True)
class _Reader:
    """Puts questions and replies together."""

    history: list[Exchange] = field(default_factory=list)
    _asked: list[str] = field(default_factory=list)
    _said: list[str] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _called: set[str] = field(default_factory=set)
    _replied: bool = False

    def add_question(self, text: str) -> None:
        if self._replied:
            self._close()
        self._asked.append(text)

    def add_reply(self, text: str, calls: object) -> None:
        called = list(_read_calls(calls))
        self._replied = self._replied or bool(text.strip() or called)
        if called:
            self._events += [TextDelta(text)] if text else []
            self._events += called
            self._called |= {each.call_id for each in called if isinstance(each, ToolCallStarted)}
        elif text.strip():
            self._said.append(text)

    def add_result(self, text: str, call_id: str) -> None:
        # A result without its call would not fit.
        if call_id in self._called:
            self._events.append(ToolFinished(call_id, text))

    def finish(self) -> str:
        """Return the question.

        Raises:
            InvalidBodyError: the last message is not the user's.
        """
        question = _join(self._asked)
        if self._replied or not question.strip():
            raise InvalidBodyError(
                "messages: the last one must be a question of the user", "messages"
            )
        return question

    def _close(self) -> None:
        question = _join(self._asked) or _OPENING
        answer = _join(self._said) or INTERRUPTED
        self.history.append(Exchange(question, answer, tuple(self._events)))
        self._asked, self._said, self._events = [], [], []
        self._called, self._replied = set(), False


def _read_message(message: object, place: str) -> tuple[str, str]:
    """Return the role and the text."""
    if not isinstance(message, dict):
        raise InvalidBodyError(f"{place}: not an object", "messages")
    content = message.get("content")
    match content:
        case None:
            return str(message.get("role")), ""
        case str():
            return str(message.get("role")), content
        case list():
            parts = [_read_part(each, f"{place}.content[{at}]") for at, each in enumerate(content)]
            return str(message.get("role")), "\n".join(parts)
        case _:
            raise InvalidBodyError(f"{place}.content: neither text nor a list of parts", "messages")


def _remove_reasoning(text: str) -> str:
    """Return a reply without the reasoning that some clients put before it, in tags."""
    splitter = ThinkSplitter()
    return splitter.feed(text).text + splitter.finish().text


def _read_part(part: object, place: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(part, dict) and isinstance(kind, str) and kind in _TEXTS:
        text = part.get(_TEXTS[kind])
        if isinstance(text, str):
            return text
        raise InvalidBodyError(f"{place}.{_TEXTS[kind]}: not a text", "messages")
    raise InvalidBodyError(f"{place}: the agent reads text, not {kind or 'this'!s:.40}", "messages")


def _read_calls(calls: object) -> Iterator[Event]:
    """Yield the events of calls that another model made; the agent's own are not in messages."""
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            call_id, arguments = str(call.get("id") or ""), _read_arguments(function)
            yield ToolCallStarted(call_id, function["name"])
            yield ArgumentsDelta(call_id, arguments)


def _read_arguments(function: Mapping[str, Any]) -> str:
    arguments = function.get("arguments")
    return arguments if isinstance(arguments, str) else "{}"


def _join(texts: Sequence[str]) -> str:
    return _BREAK.join(text for text in texts if text.strip())
