"""What one chunk of a message says, however its server or library writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCallChunk

from streamchat.models.wire.extras import Extras


class Delta(NamedTuple):
    """What a chunk adds to its message, or the message if it is `whole`.

    Attributes:
        text: of the answer, or beside calls.
        reasoning: of the model.
        code: a piece of the line of Python in which the embedded model writes its calls.
        calls: the fragments of calls in it.
        extras: the fields that are not part of the API; None if there are none.
        thoughts: the parts of the content with reasoning, to send back.
        refusal: what the model says instead of an answer.
        finish_reason: why the message ends; None if it does not end here.
        usage: token counts.
        adds_usage: whether these are to be added to the earlier ones, rather than replace them.
        prompt_progress: how much of the prompt the server has read, as JSON.
        whole: whether this is the whole message, which replaces the chunks before it.
        stream_end: in the last chunk of a stream, whether its end was marked: "done" or "eof".
    """

    text: str = ""
    reasoning: str = ""
    code: str = ""
    calls: Sequence[ToolCallChunk] = ()
    extras: Extras | None = None
    thoughts: Mapping[str, Any] | None = None
    refusal: str = ""
    finish_reason: str | None = None
    usage: UsageMetadata | None = None
    adds_usage: bool = False
    prompt_progress: str = ""
    whole: bool = False
    stream_end: str = ""
