"""Encodes a turn as OpenAI's chunks, or as one completion. Pure.

The agent's work is sent as both `reasoning_content` and `reasoning`: clients read one or the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamchat.agent.target.emitter import summarize_request
from streamchat.events import (
    Event,
    InputRequested,
    StepFinished,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.serve.frames import dump_json, format_sse
from streamchat.serve.openai.answer import AnswerText
from streamchat.serve.openai.steps import StepsText
from streamchat.text.surrogates import replace_surrogates

DONE = b"data: [DONE]\n\n"


class Usage:
    """Adds up the tokens of a turn's messages; 0 if nobody tells, since clients want a number."""

    def __init__(self) -> None:
        self._input = 0
        self._output = 0

    def feed(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            self._input += event.input_tokens or 0
            self._output += event.output_tokens or 0

    def to_dict(self) -> dict[str, int]:
        return {
            "prompt_tokens": self._input,
            "completion_tokens": self._output,
            "total_tokens": self._input + self._output,
        }


class ChunkEncoder:
    """Turns the events of one turn into server-sent events.

    Args:
        id: of the completion.
        created: when it was asked for, in seconds since 1970.
        model: its name.
        shows_steps: whether the agent's work is sent as reasoning.
        reports_usage: whether the stream ends with the number of tokens.
    """

    def __init__(
        self, id: str, created: int, model: str, *, shows_steps: bool, reports_usage: bool
    ) -> None:
        self._head = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._reports_usage = reports_usage
        # Every token has the same text around it.
        self._before, _, self._after = self._encode_delta({"content": ""}).rpartition(b'""')
        self._is_over = False
        self._answer = AnswerText()
        self._steps = StepsText() if shows_steps else None
        self._usage = Usage()

    def begin(self) -> bytes:
        """Return the first chunk, which names the role."""
        return self._encode_delta({"role": "assistant", "content": ""})

    def encode(self, event: Event) -> list[bytes]:
        """Return the chunks of an event; a last event, or a question, ends the stream."""
        if self._is_over:
            return []
        self._usage.feed(event)
        chunks = []
        if self._steps and (text := self._steps.feed(event)):
            chunks.append(self._encode_delta(make_reasoning(text)))
        if text := self._answer.feed(event):
            chunks.append(
                b"%b%b%b" % (self._before, dump_json(replace_surrogates(text)), self._after)
            )
        if isinstance(event, TurnDone):
            chunks += self._finish()
        elif (why := find_failure(event)) is not None:
            chunks += [encode_frame(make_error(why)), DONE]
            self._is_over = True
        return chunks

    def _finish(self) -> list[bytes]:
        self._is_over = True
        chunks = [self._encode_delta({}, "stop")]
        if self._reports_usage:
            usage = self._usage.to_dict()
            chunks.append(encode_frame({**self._head, "choices": [], "usage": usage}))
        return [*chunks, DONE]

    def _encode_delta(self, delta: Mapping[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self._reports_usage else {}
        return encode_frame({**self._head, "choices": [choice], **usage})


class CompletionEncoder:
    """Collects the events of one turn for a completion in one piece; arguments as above.

    Its content is the answer alone, without what the agent said on the way.
    """

    def __init__(self, id: str, created: int, model: str, *, shows_steps: bool) -> None:
        self._head = {"id": id, "object": "chat.completion", "created": created, "model": model}
        self._steps = StepsText() if shows_steps else None
        self._written: list[str] = []
        self._usage = Usage()
        self._answer = ""
        self.error: str | None = None
        """Why there is no answer; None if there is one."""

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self._usage.feed(event)
        if self._steps:
            self._written.append(self._steps.feed(event))
        if isinstance(event, TurnDone):
            self._answer = event.answer
        self.error = self.error or find_failure(event)

    def to_dict(self) -> dict[str, Any]:
        """Return the completion."""
        message = {"role": "assistant", "content": replace_surrogates(self._answer)}
        message |= make_reasoning("".join(self._written)) if self._steps else {}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._head, "choices": [choice], "usage": self._usage.to_dict()}


def find_failure(event: Event) -> str | None:
    """Return why there will be no answer; None if there may be one."""
    match event:
        case TurnFailed(error):
            return error
        case TurnCancelled():
            return "the answer was cancelled"
        case InputRequested():
            return f"{summarize_request(event)} (only a client of POST /agent can answer)"
        case _:
            return None


def make_reasoning(text: str) -> dict[str, str]:
    """Return reasoning in the fields in which clients look for it."""
    return {"reasoning_content": text, "reasoning": text}


def make_error(
    message: str, type: str = "server_error", param: str | None = None
) -> dict[str, Any]:
    """Return an error in OpenAI's form."""
    error = {"message": replace_surrogates(message), "type": type, "param": param, "code": None}
    return {"error": error}


def encode_frame(payload: Mapping[str, Any]) -> bytes:
    """Return an object as a server-sent event."""
    return format_sse(dump_json(payload))
