"""ChatOpenAI for OpenAI and for any OpenAI-compatible server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import openai
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from streamchat.config import find_url_credentials
from streamchat.models.errors import host_and_port
from streamchat.models.wire.normalize import generation_chunk
from streamchat.models.wire.stream import ChunkStream

NO_KEY = "none"
_LATER = 5.0
_MOST_ERROR = 1 << 18
OPENAI_URL = "https://api.openai.com/v1"


class CompatibleChatOpenAI(ChatOpenAI):
    """ChatOpenAI that also reads the streams of servers that are a little different."""

    async def aclose(self) -> None:
        """Closes the connections to the server."""
        await self.root_async_client.close()
        self.root_client.close()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be in no output: the key, and what lets in by the server's address."""
        key = self.openai_api_key
        value = key.get_secret_value() if isinstance(key, SecretStr) else NO_KEY
        login = find_url_credentials(self.openai_api_base)
        return login if value == NO_KEY else (value, *login)

    @property
    def host(self) -> str:
        """The server's host, and port if it is not the usual one."""
        return host_and_port(self.root_async_client.base_url)

    async def model_names(self) -> list[str]:
        """Returns the names of the models that the server has; none if it does not tell.

        Raises:
            openai.APIError: the server does not answer.
        """
        listed = await self.root_async_client.get("/models", cast_to=object)
        models = listed.get("data") if isinstance(listed, dict) else None
        named = (each.get("id") for each in models or [] if isinstance(each, dict))
        return [name for name in named if isinstance(name, str)]

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: Any
    ) -> ChatGenerationChunk:
        return generation_chunk(chunk)


class _PlainChunks:
    """A client's chat completions whose streams are read as `ChunkStream` does."""

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
            stream_cls=ChunkStream,
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client.chat.completions, name)


async def _keep_little_of_an_error(response: Any, seconds: float) -> None:
    """Reads the beginning of an error's body. The client would read it all, and it may not end."""
    if response.is_success:
        return
    body = b""
    # The status is known, and counts more than whatever becomes of the body.
    with suppress(Exception):
        async with asyncio.timeout(seconds):
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) >= _MOST_ERROR:
                    break
    with suppress(Exception):
        await response.aclose()
    response._content = body[:_MOST_ERROR]  # where `aread` keeps it


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
        timeout: seconds to wait for a connection and for the next byte.
        trust_environment: whether proxies named in the environment are used.
        options: what else ChatOpenAI takes.
    """
    # Whoever asks has a clock of its own, which knows what progress is; it is to go off first.
    waits = openai.Timeout(timeout + _LATER)
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
            follow_redirects=False,
            timeout=waits,
            trust_env=trust_environment,
            event_hooks={
                "response": [partial(_keep_little_of_an_error, seconds=min(1.0, timeout / 3))]
            },
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
