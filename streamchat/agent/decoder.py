"""Decodes the chunks of one model message into events and assembles its tool calls.

Merging chunks with `+` parses the arguments again at every fragment, repairs JSON that was cut off,
and trusts fields that servers fill in differently. This decoder keeps the fragments as they are, in
linear time, and knows how the message ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, count
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks, add_usage

from streamchat.agent.deltas import read_message
from streamchat.agent.fragments import Fragment, OpenCall, read_fragments
from streamchat.agent.message_text import MessageText, find_rest
from streamchat.agent.reply import Reply, is_cut_off
from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCallStarted,
)
from streamchat.models.wire.delta import Delta
from streamchat.models.wire.extras import join_fields
from streamchat.text.partial_json import AnswerReader
from streamchat.text.surrogates import SurrogateJoiner
from streamchat.text.think import Split

# A call ID that can be sent back: OpenAI rejects longer ones.
CALL_ID = re.compile(r"[!-~]{1,64}")
_MOST_BLANKS = 32
"""Blank characters after an answer before the model is taken to have lost its way."""


class ChunkDecoder:
    """Turns the chunks of one message into events, and assembles the message.

    Servers differ: a call's index may be missing, always 0 or start at 1; its ID may be missing,
    empty or repeated in every fragment; its name may be repeated. Fragments belong together unless
    one of these shows otherwise.

    Args:
        answer_tool: the tool whose `answer` argument is the answer; None if there is none.
        text_is_answer: whether plain text is the answer, because no tools were offered.
        taken_ids: call IDs used earlier in the turn; new ones are added.

    Attributes:
        overran: whether the model went on after the answer. What it wrote then is left out.
    """

    def __init__(
        self,
        answer_tool: str | None = ANSWER_TOOL,
        *,
        text_is_answer: bool = False,
        taken_ids: set[str] | None = None,
    ) -> None:
        self._answer_tool = answer_tool
        self._text_event = AnswerDelta if text_is_answer else TextDelta
        self._taken_ids = set() if taken_ids is None else taken_ids
        self._text = MessageText()
        self._reasoning = SurrogateJoiner()
        self._reasoned: list[str] = []
        self._refusal: list[str] = []
        self._fields: dict[str, Any] = {}
        self._thoughts: dict[str, Any] = {}
        self.overran = False
        self._blanks = 0
        """The characters that followed the answer."""
        self._broken_off = False
        self._calls: list[OpenCall] = []
        self._by_index: dict[int, OpenCall] = {}
        self._by_id: dict[str, OpenCall] = {}
        self._answered = self._refused = False
        self._finish_reason: str | None = None
        self._usage: UsageMetadata | None = None

    @property
    def _has_answer(self) -> bool:
        return any(call.answers and call.reader.closed for call in self._calls)

    @property
    def answered(self) -> bool:
        """Whether the answer is complete, and so is every other call."""
        return self._answered and all(call.reader.closed for call in self._calls)

    @property
    def is_inside_call(self) -> bool:
        """Whether the arguments of a call, other than the answer, are arriving."""
        last = self._calls[-1] if self._calls else None
        return bool(last and last.name and not last.answers and not last.reader.closed)

    def refuse(self) -> None:
        """Leave out what follows, so that a call that the user has refused stays incomplete."""
        self._refused = True

    def feed(self, message: AIMessage | Delta) -> list[Event]:
        """Return the events of a chunk, or of a whole message.

        A whole message after its chunks adds only what they lacked. It replaces text that differs.
        """
        if self._refused:
            return []
        delta = message if isinstance(message, Delta) else read_message(message)
        events: list[Event] = []
        if not self.answered:
            events = self._read(delta)
        elif not delta.whole:
            self._read_on(delta)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        # A server may end the stream with another, less specific reason after the real one.
        if delta.finish_reason and not is_cut_off(self._finish_reason):
            self._finish_reason = delta.finish_reason
        # LangChain adds a chunk of its own after the last one.
        self._broken_off = self._broken_off or delta.stream_end == "eof"
        if delta.usage:
            adds = delta.adds_usage
            self._usage = add_usage(self._usage, delta.usage) if adds else delta.usage
        return events

    def finish(self) -> tuple[list[Event], Reply]:
        """Return the events that were held back, and the whole message."""
        events = _make_reasoning(self._reasoning.finish())
        events += self._make_events(self._text.finish())
        for call in self._calls:
            events += self._finish_call(call)
        calls = tuple(call.to_call() for call in self._calls)
        return events, Reply(
            text=self._text.shown,
            calls=calls,
            finish_reason=self._finish_reason,
            input_tokens=self._usage["input_tokens"] if self._usage else None,
            output_tokens=self._usage["output_tokens"] if self._usage else None,
            refusal="".join(self._refusal),
            broken_off=self._broken_off and self._finish_reason is None,
            fields=self._fields,
            thoughts=tuple(self._thoughts.get("parts", ())),
        )

    def _read(self, delta: Delta) -> list[Event]:
        events = self._read_reasoning(delta.reasoning, whole=delta.whole)
        if delta.code:
            events.append(CodeDelta(delta.code))
        events += self._read_text(delta.text, whole=delta.whole)
        self._read_fields(delta)
        for position, fragment in enumerate(read_fragments(delta)):
            if self.answered:
                self.overran = True
                break
            if delta.whole:
                events += self._read_whole_call(position, fragment)
            else:
                events += self._read_fragment(fragment)
        return events

    def _read_fields(self, delta: Delta) -> None:
        if delta.thoughts:
            self._thoughts = join_fields(self._thoughts, delta.thoughts)
        if delta.extras and (fields := delta.extras.message):
            self._fields = join_fields({} if delta.whole else self._fields, fields)

    def _read_on(self, delta: Delta) -> None:
        """Find out whether anything but the end of the message follows the answer."""
        arguments = "".join(each.arguments for each in read_fragments(delta))
        names = any(each.name and each.arguments for each in read_fragments(delta))
        self._blanks += len(arguments)
        self.overran = (
            self.overran
            or names
            or bool(arguments.strip() or delta.text.strip())
            or self._blanks > _MOST_BLANKS
        )

    def _read_reasoning(self, reasoning: str, *, whole: bool) -> list[Event]:
        if whole:
            reasoning = find_rest("".join(self._reasoned), reasoning) or ""
        self._reasoned.append(reasoning)
        return _make_reasoning(self._reasoning.feed(reasoning))

    def _read_text(self, text: str, *, whole: bool) -> list[Event]:
        return self._make_events(self._text.complete(text) if whole else self._text.feed(text))

    def _make_events(self, split: Split) -> list[Event]:
        events = _make_reasoning(split.reasoning)
        if split.text:
            events.append(self._text_event(split.text))
        return events

    def _read_whole_call(self, position: int, fragment: Fragment) -> list[Event]:
        if position < len(self._calls):
            call = self._calls[position]
        else:
            call = self._open(fragment.id, fragment.index)
        events = self._start_call(call, fragment.name) if fragment.name else []
        rest = call.find_rest(fragment.arguments)
        call.fields = {**call.fields, **fragment.fields}
        return events + self._read_arguments(call, call.characters.feed(rest))

    def _read_fragment(self, fragment: Fragment) -> list[Event]:
        call, name = self._assign(fragment)
        call.fields = join_fields(call.fields, fragment.fields)
        events = self._start_call(call, name) if name else []
        return events + self._read_arguments(call, call.characters.feed(fragment.arguments))

    def _read_arguments(self, call: OpenCall, arguments: str) -> list[Event]:
        if not arguments:
            return []
        was_closed = call.reader.closed
        text = call.reader.feed(arguments) if call.name is not None else ""
        if call.reader.closed and self._has_answer:
            arguments = self._cut(arguments, 0 if was_closed else call.reader.end)
        if not arguments:
            return []
        call.fragments.append(arguments)
        if call.name is None:
            return []
        events: list[Event] = [ArgumentsDelta(call.call_id, arguments)]
        if text:
            events.append(AnswerDelta(text, call.call_id))
        return events

    def _cut(self, arguments: str, end: int) -> str:
        """Return the arguments up to their end, and note whether anything follows it."""
        self.overran = self.overran or bool(arguments[end:].strip())
        return arguments[:end]

    def _start_call(self, call: OpenCall, name: str) -> list[Event]:
        """Start a call once its name is known, or known to be missing."""
        if call.name is not None:
            return []
        call.name = name
        if name == self._answer_tool and not self._answered:
            self._answered = call.answers = True
            call.reader = AnswerReader()
        waiting, call.fragments = call.fragments, []
        events: list[Event] = [ToolCallStarted(call.call_id, name)]
        for arguments in waiting:
            events += self._read_arguments(call, arguments)
        return events

    def _finish_call(self, call: OpenCall) -> list[Event]:
        return self._start_call(call, "") + self._read_arguments(call, call.characters.finish())

    def _assign(self, fragment: Fragment) -> tuple[OpenCall, str]:
        """Return the call that a fragment belongs to, and the name that the fragment gives it."""
        call, name = self._find_call(fragment), fragment.name
        if call is None or call.is_ended_by(fragment):
            # A fragment after the end of the previous call announces the next one of that name.
            name = name or (call.name if call and call.name else "")
            call = self._open(fragment.id, fragment.index)
        if fragment.index is not None:
            self._by_index[fragment.index] = call
        if fragment.id:
            self._by_id[fragment.id] = call
        return call, name

    def _find_call(self, fragment: Fragment) -> OpenCall | None:
        same_id = self._by_id.get(fragment.id)
        if same_id and not (fragment.name and same_id.is_elsewhere(fragment.index)):
            return same_id
        if fragment.index in self._by_index:
            return self._by_index[fragment.index]
        # Two of a new index, a new ID and a name start a call; anything else continues the last.
        signs = (fragment.index is not None, bool(fragment.id), bool(fragment.name))
        if not self._calls or sum(signs) > 1:
            return None
        return self._calls[-1]

    def _open(self, server_id: str, index: int | None) -> OpenCall:
        sendable = server_id if CALL_ID.fullmatch(server_id) else ""
        numbered = (f"{sendable[:56] or 'call'}_{number}" for number in count(1))
        candidates = chain([sendable] if sendable else [], numbered)
        call_id = next(each for each in candidates if each not in self._taken_ids)
        self._taken_ids.add(call_id)
        call = OpenCall(call_id, server_id, index)
        self._calls.append(call)
        return call


def _make_reasoning(text: str) -> list[Event]:
    return [ReasoningDelta(text)] if text else []


def to_chunk_received(message: AIMessage | Delta) -> ChunkReceived:
    """Return the chunk as a debugging event."""
    if isinstance(message, AIMessage):
        received = to_chunk_received(read_message(message))
        if isinstance(message, AIMessageChunk):
            return received
        return replace(received, tool_calls=tuple(dict(call) for call in message.tool_calls))
    return ChunkReceived(message.code or message.text, tuple(dict(call) for call in message.calls))


def merge_chunks(chunks: Iterable[AIMessageChunk]) -> AIMessageChunk:
    """Merge chunks into one message, in linear time.

    Merging them one by one would parse the arguments again at every token.

    Raises:
        ValueError: there are no chunks.
    """
    kept = list(chunks)
    if not kept:
        raise ValueError("no chunks to merge")
    return add_ai_message_chunks(*kept)
