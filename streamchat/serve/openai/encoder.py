"""Encodes a turn as OpenAI's chunks, or as one completion. Pure.

The agent's work is sent as both `reasoning_content` and `reasoning`: clients read one or the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from streamchat.events import Event, StepFinished, TurnCancelled, TurnDone, TurnFailed
from streamchat.serve.openai.answer import AnswerText
from streamchat.serve.openai.steps import StepsText
from streamchat.text.surrogates import replace_surrogates

DONE = b"data: [DONE]\n\n"


class Usage:
    """Adds up the tokens of a turn's messages."""

    def __init__(self) -> None:
        self._input: int | None = None
        self._output: int | None = None

    def feed(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            self._input = _sum(self._input, event.input_tokens)
            self._output = _sum(self._output, event.output_tokens)

    def to_dict(self) -> dict[str, int] | None:
        """Return the counts; None if the model's server did not tell them."""
        if self._input is None and self._output is None:
            return None
        tokens_in, tokens_out = self._input or 0, self._output or 0
        return {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
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
        self._answer = AnswerText()
        self._steps = StepsText() if shows_steps else None
        self._usage = Usage()

    def begin(self) -> bytes:
        """Return the first chunk, which names the role."""
        return self._encode_delta({"role": "assistant", "content": ""})

    def encode(self, event: Event, *, ended_by: str = "") -> list[bytes]:
        """Return the chunks of an event; the last event ends the stream.

        Args:
            event: the turn's next event.
            ended_by: why the server ended the turn, if it did.
        """
        self._usage.feed(event)
        chunks = []
        if self._steps and (text := self._steps.feed(event)):
            chunks.append(self._encode_delta(make_reasoning(text)))
        if text := self._answer.feed(event):
            chunks.append(self._encode_delta({"content": replace_surrogates(text)}))
        match event:
            case TurnDone():
                chunks += self._finish()
            case TurnFailed(error):
                chunks += [encode_frame(make_error(error)), DONE]
            case TurnCancelled():
                error = ended_by or "the answer was cancelled"
                chunks += [encode_frame(make_error(error)), DONE]
            case _:
                pass
        return chunks

    def _finish(self) -> list[bytes]:
        chunks = [self._encode_delta({}, "stop")]
        usage = self._usage.to_dict()
        if self._reports_usage and usage:
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

    def feed(self, event: Event, *, ended_by: str = "") -> None:
        """Take the next event."""
        self._usage.feed(event)
        if self._steps:
            self._written.append(self._steps.feed(event))
        match event:
            case TurnDone(answer):
                self._answer = answer
            case TurnFailed(error):
                self.error = error
            case TurnCancelled():
                self.error = ended_by or "the answer was cancelled"
            case _:
                pass

    def to_dict(self) -> dict[str, Any]:
        """Return the completion."""
        message = {"role": "assistant", "content": replace_surrogates(self._answer)}
        message |= make_reasoning("".join(self._written)) if self._steps else {}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._head, "choices": [choice], "usage": self._usage.to_dict()}


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
    return b"data: " + json.dumps(payload, separators=(",", ":")).encode() + b"\n\n"


def _sum(so_far: int | None, more: int | None) -> int | None:
    return so_far if more is None else (so_far or 0) + more
