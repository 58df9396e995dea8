"""Turns the line that the model writes into the chunks of a message with tool calls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from streamchat.models.embedded.line_turn import LineTurn
from streamchat.models.embedded.pythonic.line import LineReader, Piece
from streamchat.models.embedded.pythonic.plan import LineError, Step
from streamchat.models.embedded.pythonic.toolbox import ANSWER_TOOL
from streamchat.models.wire.extras import LINE_FIELD


def make_calls(steps: Sequence[Step]) -> ChatGenerationChunk:
    """Return the calls in one chunk, as a message that is complete."""
    calls = [
        tool_call_chunk(name=step.name, args=json.dumps(step.arguments), index=at)
        for at, step in enumerate(steps)
    ]
    message = AIMessageChunk(
        content="", tool_call_chunks=calls, response_metadata={"finish_reason": "tool_calls"}
    )
    return ChatGenerationChunk(message=message)


class LineTranslator:
    """Takes the chunks of a message that is one line, and makes those of its calls.

    The text of `say("...")` becomes the arguments of a call of the answer tool, as it arrives. Any
    other line is passed on in an extra field as it arrives, and becomes calls once it is complete.

    Args:
        turn: the turn that the line belongs to.
    """

    def __init__(self, turn: LineTurn) -> None:
        self._turn = turn
        self._reader = LineReader()
        self._answers = False
        self._finish_reason: str | None = None

    def feed(self, chunk: ChatGenerationChunk) -> Iterator[ChatGenerationChunk]:
        """Yield what a chunk becomes; one without text stays as it is."""
        message, metadata = chunk.message, chunk.generation_info or {}
        self._finish_reason = metadata.get("finish_reason") or self._finish_reason
        if not message.content:
            yield chunk
            return
        closed = self._reader.closed
        for piece in self._reader.feed(str(message.text)):
            yield self._translate(piece)
        if self._reader.closed and not closed:
            yield self._close_answer()
        if metadata or getattr(message, "usage_metadata", None):
            rest = message.model_copy(update={"content": ""})
            yield ChatGenerationChunk(message=rest, generation_info=metadata)

    def finish(self) -> Iterator[ChatGenerationChunk]:
        """Yield the calls of a line of code; a line that is not one is text after all.

        A line that was cut off is not run: its beginning may be another calculation.
        """
        for piece in self._reader.finish():
            yield self._translate(piece)
        complete = self._finish_reason == "stop"
        if not self._answers:
            if complete:
                yield self._read_line()
            elif self._finish_reason is None:
                yield _say(self._reader.line)
        elif complete and not self._reader.closed:
            yield self._close_answer()

    def _read_line(self) -> ChatGenerationChunk:
        try:
            return make_calls(self._turn.read(self._reader.line).find_ready([]))
        except LineError:
            return _say(self._reader.line)

    def _close_answer(self) -> ChatGenerationChunk:
        return self._add_arguments(f'", "tools_used": {json.dumps(self._turn.tools_used)}}}')

    def _translate(self, piece: Piece) -> ChatGenerationChunk:
        kind, text = piece
        if kind == "code":
            fields = {LINE_FIELD: text}
            return ChatGenerationChunk(message=AIMessageChunk(content="", additional_kwargs=fields))
        return self._add_arguments(json.dumps(text, ensure_ascii=False)[1:-1])

    def _add_arguments(self, fragment: str) -> ChatGenerationChunk:
        name = None if self._answers else ANSWER_TOOL
        fragment = fragment if self._answers else f'{{"answer": "{fragment}'
        self._answers = True
        call = tool_call_chunk(name=name, args=fragment, index=0)
        return ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[call]))


def _say(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))
