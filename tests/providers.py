"""Replies as the servers of Anthropic, Google and Ollama stream them, for the scripted server.

The events, their order and their fields are those of the real APIs. Only Anthropic sends the
arguments of a call in fragments; the others send whole calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.server import Hangup, Part, Reply, Server, whole

KEY = "sk-provider-secret"
SIGNATURE = "c2lnbmVk"
"""With a call, Gemini sends a signature that it wants back, in base64."""


@dataclass(frozen=True)
class Dialect:
    """The stream of one provider.

    Attributes:
        model: as `--model` takes it.
        variables: the provider's own, for the base URL of a server.
        says: the parts of a message of text.
        calls: the parts of a message that calls a tool with arguments in these fragments.
        ends: the parts that end a message for this reason.
        headers: of a response.
        reasons: the finish reasons of a text, a call and a message that was cut off.
    """

    model: str
    variables: Callable[[str], dict[str, str]]
    says: Callable[..., list[bytes]]
    calls: Callable[[str, Sequence[str]], list[bytes]]
    ends: Callable[[str], list[bytes]]
    headers: dict[str, str]
    reasons: tuple[str, str, str]

    def point_to(self, server: Server) -> dict[str, str]:
        """Return the variables that lead the provider's library to a scripted server."""
        return self.variables(server.url.removesuffix("/v1"))

    def answer(self, *texts: str) -> Reply:
        return self._reply(*self.says(*texts), *self.ends(self.reasons[0]))

    def call(self, tool: str, *fragments: str) -> Reply:
        return self._reply(*self.calls(tool, fragments), *self.ends(self.reasons[1]))

    def call_cut_off(self, tool: str, *fragments: str) -> Reply:
        """A call that the server stopped: the model reached its limit."""
        return self._reply(*self.calls(tool, fragments), *self.ends(self.reasons[2]))

    def call_without_end(self, tool: str, *fragments: str, hangs_up: bool = False) -> Reply:
        """A call after which nothing follows, not even the end of the HTTP response."""
        return self._reply(*self.calls(tool, fragments), *([Hangup()] if hangs_up else []))

    def _reply(self, *parts: Part | Hangup) -> Reply:
        headers = {**self.headers, "Connection": "close"}
        return Reply(parts, finish_reason=None, done=False, headers=headers)  # type: ignore[arg-type]


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _begin() -> list[bytes]:
    usage = {"input_tokens": 472, "output_tokens": 2}
    message = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-sonnet-4-6",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    return [_event("message_start", message=message), _event("ping")]


def _say_anthropic(*texts: str) -> list[bytes]:
    block = {"type": "text", "text": ""}
    return [
        *_begin(),
        _event("content_block_start", index=0, content_block=block),
        *(
            _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
            for text in texts
        ),
        _event("content_block_stop", index=0),
    ]


def _call_anthropic(tool: str, fragments: Sequence[str]) -> list[bytes]:
    block = {"type": "tool_use", "id": f"toolu_{tool}", "name": tool, "input": {}}
    deltas = ({"type": "input_json_delta", "partial_json": each} for each in ("", *fragments))
    return [
        *_begin(),
        _event("content_block_start", index=0, content_block=block),
        *(_event("content_block_delta", index=0, delta=delta) for delta in deltas),
        _event("content_block_stop", index=0),
    ]


def _end_anthropic(reason: str) -> list[bytes]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    usage = {"input_tokens": 472, "output_tokens": 89}
    return [_event("message_delta", delta=delta, usage=usage), _event("message_stop")]


def _chunk_gemini(parts: list[dict[str, Any]], counted: int, **candidate: Any) -> bytes:
    content = {"content": {"parts": parts, "role": "model"}} if parts else {}
    counts = {"promptTokenCount": 472, "candidatesTokenCount": counted}
    chunk = {
        "candidates": [{**content, **candidate, "index": 0}],
        "usageMetadata": {**counts, "totalTokenCount": 472 + counted},
        "modelVersion": "gemini-3-flash-preview",
        "responseId": "r1",
    }
    return f"data: {json.dumps(chunk)}\r\n\r\n".encode()


def _say_gemini(*texts: str) -> list[bytes]:
    return [_chunk_gemini([{"text": each}], 40 + at) for at, each in enumerate(texts)]


def _call_gemini(tool: str, fragments: Sequence[str]) -> list[bytes]:
    function = {"name": tool, "args": json.loads("".join(fragments))}
    return [_chunk_gemini([{"functionCall": function, "thoughtSignature": SIGNATURE}], 60)]


def _end_gemini(reason: str) -> list[bytes]:
    return [_chunk_gemini([{"text": ""}], 89, finishReason=reason)]


def _line_ollama(message: dict[str, Any], *, done: bool = False, **fields: Any) -> bytes:
    line = {
        "model": "llama3.2",
        "created_at": "2026-01-05T10:00:00.123456Z",
        "message": {"role": "assistant", "content": "", **message},
        "done": done,
    }
    return json.dumps({**line, **fields}).encode() + b"\n"


def _say_ollama(*texts: str) -> list[bytes]:
    return [_line_ollama({"content": each}) for each in texts]


def _call_ollama(tool: str, fragments: Sequence[str]) -> list[bytes]:
    function = {"index": 0, "name": tool, "arguments": json.loads("".join(fragments))}
    return [_line_ollama({"tool_calls": [{"id": f"call_{tool}", "function": function}]})]


def _end_ollama(reason: str) -> list[bytes]:
    counts = {"prompt_eval_count": 472, "eval_count": 89}
    times = {"total_duration": 9, "load_duration": 1, "eval_duration": 7, "prompt_eval_duration": 1}
    return [_line_ollama({}, done=True, done_reason=reason, **counts, **times)]


ANTHROPIC = Dialect(
    model="anthropic:claude-sonnet-4-6",
    variables=lambda url: {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY},
    says=_say_anthropic,
    calls=_call_anthropic,
    ends=_end_anthropic,
    headers={"Content-Type": "text/event-stream; charset=utf-8"},
    reasons=("end_turn", "tool_use", "max_tokens"),
)
GEMINI = Dialect(
    model="google_genai:gemini-3-flash-preview",
    variables=lambda url: {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": KEY},
    says=_say_gemini,
    calls=_call_gemini,
    ends=_end_gemini,
    headers={"Content-Type": "text/event-stream"},
    reasons=("STOP", "STOP", "MAX_TOKENS"),
)
OLLAMA = Dialect(
    model="ollama:llama3.2",
    variables=lambda url: {"OLLAMA_HOST": url, "OLLAMA_API_KEY": KEY},
    says=_say_ollama,
    calls=_call_ollama,
    ends=_end_ollama,
    headers={"Content-Type": "application/x-ndjson"},
    reasons=("stop", "stop", "length"),
)


def refuse_anthropic(status: int, kind: str, message: str, **headers: str) -> Reply:
    error = {"type": kind, "message": message}
    reply = whole({"type": "error", "error": error, "request_id": "req_1"}, status)
    return reply.but(headers={**headers, "Connection": "close"})


def refuse_gemini(status: int, kind: str, message: str, *details: dict[str, Any]) -> Reply:
    error = {"code": status, "message": message, "status": kind, "details": list(details)}
    return whole({"error": error}, status).but(headers={"Connection": "close"})


def refuse_ollama(status: int, message: str) -> Reply:
    return whole({"error": message}, status).but(headers={"Connection": "close"})
