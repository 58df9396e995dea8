"""Reads the body of a request for a chat completion. Pure.

What the agent decides itself, such as the temperature and the length, is ignored, as are unknown
fields. What changes the meaning of the answer and cannot be done is refused.

Tools that the client offers are never called: the agent has its own. Open WebUI, aichat and
streamchat offer some with every question, and a model is free to call none. They are logged; only
a client that insists on a call is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from streamchat.agent.source import Request
from streamchat.serve.openai.messages import InvalidBodyError, read_messages

STEPS = ":steps"
"""Ends the name of the model that shows the agent's work as reasoning."""

_Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request for a chat completion.

    Attributes:
        request: for the agent.
        streams: whether the answer is wanted as it arrives.
        reports_usage: whether a stream is to end with the number of tokens.
        shows_steps: whether the agent's work is wanted as reasoning.
        tools: names of the tools that the client offers in vain.
    """

    request: Request
    streams: bool = False
    reports_usage: bool = False
    shows_steps: bool = False
    tools: Sequence[str] = ()


def read_request(body: object) -> ChatRequest:
    """Return the request in a body.

    Raises:
        InvalidBodyError: the body is none, or wants what cannot be done.
    """
    if not isinstance(body, dict):
        raise InvalidBodyError("the body is not a JSON object")
    _refuse_impossible(body)
    conversation = read_messages(body.get("messages"))
    options = body.get("stream_options")
    return ChatRequest(
        request=Request(
            conversation.question,
            history=conversation.history,
            instructions=conversation.instructions,
            # A graph with a memory of its own remembers nothing of it: the messages are all.
            thread_id=uuid4().hex,
            questions=[each.question for each in conversation.history],
            # Nobody is there, but the reply says what the agent asks.
            interactive=True,
        ),
        streams=body.get("stream") is True,
        reports_usage=isinstance(options, dict) and options.get("include_usage") is True,
        shows_steps=str(body.get("model") or "").endswith(STEPS),
        tools=[] if body.get("tool_choice") == "none" else list(_name_tools(body.get("tools"))),
    )


def _name_tools(tools: object) -> Iterator[str]:
    for tool in tools if isinstance(tools, list) else []:
        match tool:
            case {"function": {"name": str(name)}}:
                yield name
            case _:
                pass


def _forces_call(choice: object) -> bool:
    return choice not in (None, "auto", "none")


def _is_text(format: object) -> bool:
    return isinstance(format, dict) and format.get("type") == "text"


_IMPOSSIBLE: Mapping[str, tuple[_Test, str]] = {
    "n": (lambda n: n not in (None, 1), "n: the agent gives one answer to a question"),
    "tool_choice": (
        _forces_call,
        "tool_choice: only auto and none are supported; the agent calls its own tools, "
        "never those of the request",
    ),
    "function_call": (
        _forces_call,
        "function_call: only auto and none are supported; the agent calls its own tools, "
        "never those of the request",
    ),
    "response_format": (
        lambda format: format is not None and not _is_text(format),
        "response_format: the agent answers in text, and does not keep to a schema",
    ),
    "logprobs": (bool, "logprobs: not available from an agent"),
    "top_logprobs": (bool, "top_logprobs: not available from an agent"),
    "stop": (bool, "stop: the agent decides where its answer ends"),
    "audio": (bool, "audio: the agent answers in text"),
    "modalities": (
        lambda kinds: kinds not in (None, ["text"]),
        "modalities: the agent answers in text",
    ),
    "web_search_options": (
        lambda options: options is not None,
        "web_search_options: the agent searches only with tools of its own",
    ),
}
"""For each field, which values cannot be done, and what to say then."""


def _refuse_impossible(body: Mapping[str, Any]) -> None:
    for name, (is_impossible, words) in _IMPOSSIBLE.items():
        if is_impossible(body.get(name)):
            raise InvalidBodyError(words, name)
