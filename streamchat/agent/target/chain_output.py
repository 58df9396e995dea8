"""What comes out of a chain, chunk by chunk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables.utils import AddableDict
from pydantic import BaseModel

from streamchat.agent.message_text import MessageText
from streamchat.agent.target.answer_text import AnswerText
from streamchat.agent.target.model_runs import ModelRun, ModelRuns
from streamchat.events import AnswerDelta, ReasoningDelta
from streamchat.text.think import Split

_ANSWERS = ("answer", "output", "text")
"""Keys under which chains return the answer, beside what it is made from."""


class ChainOutput:
    """Turns the chunks of a chain's output into events, and finds the answer in them.

    Args:
        runs: the models that run in the chain.
        answer: takes the events.
        asked: what the chain was asked; it may be part of what comes out.
    """

    def __init__(self, runs: ModelRuns, answer: AnswerText, asked: object) -> None:
        self.chunks = 0
        """How many chunks have come."""
        self._runs = runs
        self._answer = answer
        self._asked = asked if isinstance(asked, dict) else {}
        self._received: list[str] = []
        self._text = MessageText()
        self._value: Any = None
        self._fields: dict[str, Any] = {}
        self._key = ""
        """The key of the answer, once it has come."""
        self._message: ModelRun | None = None
        """A message that no model is seen to write."""
        self._message_id: str | None = None
        self._calls: set[str] = set()
        """The calls in messages that no model is seen to write."""

    def take(self, chunk: object) -> None:
        """Take the next chunk."""
        self.chunks += 1
        match chunk:
            case str():
                self._take_text(chunk)
            case AIMessage():
                self._take_message(chunk)
            case ToolMessage():
                self._runs.calls.read_result(chunk)
            case dict():
                self._take_fields(chunk, additive=isinstance(chunk, AddableDict))
            case BaseMessage():
                pass  # the question, passed on
            case _:
                self._value = chunk

    def finish(self) -> str:
        """Return the answer; empty if there is none."""
        self._end_message()
        self._show(self._text.finish())
        if text := self._answer.text:
            return text
        value = self._value if self._value is not None else self._fields
        return "" if value in (None, {}, []) else to_text(value)

    @property
    def unanswered(self) -> list[str]:
        """The tools that the messages call, and that nothing has run."""
        replies = [run.reply for run in self._runs.handed_out if run.reply]
        made = self._calls.union(call.call_id for reply in replies for call in reply.calls)
        return [each.name for each in self._runs.calls.waiting if each.call_id in made]

    def _take_text(self, text: str) -> None:
        self._received.append(text)
        self._show(self._text.feed(text))

    def _show(self, split: Split) -> None:
        # The reasoning of a model that callbacks show has been shown.
        if split.reasoning and not self._runs.asked:
            self._answer(ReasoningDelta(split.reasoning))
        if split.text:
            self._answer(AnswerDelta(split.text))

    def _take_message(self, message: AIMessage) -> None:
        if self._runs.hand_out(message):
            self._end_message()
            return
        begun = self._message is not None and message.id in (None, self._message_id)
        if not (begun and isinstance(message, AIMessageChunk)):
            self._end_message()
            self._message_id = message.id
            self._message = self._runs.open(step=not self._runs.asked)
        assert self._message
        self._runs.feed(self._message, self._omit_known(message))

    def _omit_known(self, message: AIMessage) -> AIMessage:
        """Leave out the calls of a message that is the copy of a model's."""
        known = {str(call["id"]) for call in message.tool_calls if call["id"] in self._runs.calls}
        if not known or isinstance(message, AIMessageChunk):
            return message
        self._calls |= known
        rest = [call for call in message.tool_calls if call["id"] not in known]
        return message.model_copy(update={"tool_calls": rest})

    def _end_message(self) -> None:
        if self._message:
            self._runs.finish(self._message)
            reply, self._message = self._message.reply, None
            self._calls.update(call.call_id for call in (reply.calls if reply else ()))

    def _take_fields(self, chunk: Mapping[str, Any], *, additive: bool) -> None:
        for name, value in chunk.items():
            if not self._key and name in _ANSWERS and value != self._asked.get(name):
                self._key = name
            if name == self._key:
                self._take_answer(value, additive=additive)
            elif additive and name in self._fields:
                self._fields[name] = _add(self._fields[name], value)
            else:
                self._fields[name] = value

    def _take_answer(self, value: object, *, additive: bool) -> None:
        if isinstance(value, AIMessage):
            self._take_message(value)
        elif isinstance(value, str):
            begun = "".join(self._received)
            # A parser of JSON returns all that it has read so far, again and again.
            whole = not additive and value.startswith(begun)
            self._take_text(value[len(begun) :] if whole else value)
        else:
            self._value = value


def to_text(value: object) -> str:
    """Return a chain's result as text: a string as it is, anything else as JSON if possible."""
    match value:
        case str():
            return value
        case BaseMessage():
            return value.text
        case PromptValue():
            return value.to_string()
        case {"messages": [*_, AIMessage() as last]} | [*_, AIMessage() as last]:
            return last.text
        case _:
            return json.dumps(value, ensure_ascii=False, indent=2, default=_to_plain)


def _to_plain(value: object) -> object:
    if isinstance(value, BaseMessage):
        return value.text
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)


def _add(one: Any, other: Any) -> Any:
    try:
        return one + other
    except TypeError:
        return other
