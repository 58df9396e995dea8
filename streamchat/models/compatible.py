"""ChatOpenAI for OpenAI and for any OpenAI-compatible server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import openai
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

_CONNECT_SECONDS = 10.0
NO_KEY = "none"
OPENAI_URL = "https://api.openai.com/v1"


class CompatibleChatOpenAI(ChatOpenAI):
    """ChatOpenAI that also reads the streams of servers that are a little different."""

    async def aclose(self) -> None:
        """Closes the connections to the server."""
        await self.root_async_client.close()
        self.root_client.close()

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: Any
    ) -> ChatGenerationChunk | None:
        _mend(chunk)
        converted = super()._convert_chunk_to_generation_chunk(
            chunk, default_chunk_class, base_generation_info
        )
        if converted:
            converted.message.additional_kwargs |= _left_out(chunk)
        return converted


def _mend(chunk: dict[str, Any]) -> None:
    """Fills in what ChatOpenAI takes for granted: without it a call is dropped in silence."""
    chunk["choices"] = chunk.get("choices") or []
    for choice in chunk["choices"]:
        delta = choice["delta"] = choice.get("delta") or {}
        # Another role would make it a message that is not the model's.
        delta["role"] = "assistant"
        for call in delta.get("tool_calls") or []:
            if not isinstance(call.get("index"), int):
                call["index"] = None
            if call.get("id") is not None:
                call["id"] = str(call["id"])
            function = call["function"] = call.get("function") or {}
            arguments = function.get("arguments")
            if arguments is not None and not isinstance(arguments, str):
                function["arguments"] = json.dumps(arguments)


def _left_out(chunk: dict[str, Any]) -> dict[str, Any]:
    """What ChatOpenAI drops though it is progress: reasoning, and how far the prompt was read."""
    kept: dict[str, Any] = {}
    if progress := chunk.get("prompt_progress"):
        kept["prompt_progress"] = str(progress)
    for choice in chunk["choices"]:
        delta = choice["delta"]
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            kept["reasoning_content"] = thought
    return kept


class _PlainChunks:
    """A client's chat completions whose streams give plain dicts.

    The client would build nested models of every chunk, which ChatOpenAI dumps to a dict again:
    more than half of the CPU time of a token.
    """

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def create(self, *, extra_body: Mapping[str, Any] | None = None, **payload: Any) -> Any:
        if not payload.get("stream"):
            return await self._client.chat.completions.create(extra_body=extra_body, **payload)
        return await self._client.post(
            "/chat/completions",
            body={**payload, **(extra_body or {})},
            cast_to=object,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client.chat.completions, name)


_Kind = TypeVar("_Kind", bound=CompatibleChatOpenAI)


def connect(
    model: str,
    kind: type[_Kind] = CompatibleChatOpenAI,  # type: ignore[assignment]  # the bound is the default
    *,
    base_url: str | None,
    api_key: str | None,
    temperature: float,
    timeout: float,
    trust_environment: bool = True,
    **options: Any,
) -> _Kind:
    """Returns the model of this name on the server, OpenAI's own if `base_url` is None.

    A server that wants no key gets a word that is none. The prompt goes to no other host:
    redirects are not followed. A server that says when to try again is not waited for in silence
    here; whoever asks decides on that.

    Args:
        kind: the class it is to be of.
        timeout: seconds to wait for a connection (10 at most) and for the next byte.
        trust_environment: whether proxies named in the environment are used.
        options: what else ChatOpenAI takes.
    """
    waits = openai.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
    llm = kind(
        model=model,
        # Said here, because the client would heed more variables than we tell of.
        base_url=base_url or OPENAI_URL,
        api_key=SecretStr(api_key or NO_KEY),
        temperature=temperature,
        timeout=waits,
        max_retries=0,
        stream_usage=True,
        stream_chunk_timeout=0,
        use_responses_api=False,
        http_client=openai.DefaultHttpxClient(
            follow_redirects=False, timeout=waits, trust_env=trust_environment
        ),
        http_async_client=openai.DefaultAsyncHttpxClient(
            follow_redirects=False, timeout=waits, trust_env=trust_environment
        ),
        **options,
    )
    llm.async_client = _PlainChunks(llm.root_async_client)
    return llm


_OPTIONS: dict[str, dict[str, Any]] = {
    "stream_options": {"stream_usage": False},
    "temperature": {"temperature": None},
}


def without_refused_option(llm: BaseChatModel, complaint: str) -> BaseChatModel | None:
    """Returns the model without the option the server complains of, or None if it is another."""
    for option, changes in _OPTIONS.items():
        already = all(getattr(llm, name, value) == value for name, value in changes.items())
        if option in complaint and not already:
            return llm.model_copy(update=changes)
    return None
