"""ChatOpenAI for OpenAI and for any OpenAI-compatible server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, TypeVar

import httpx2
import openai
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr

from streamchat.config import OPENAI_KEY, OPENAI_URL, find_url_credentials
from streamchat.config.environment import Network, read_network
from streamchat.models.model_list import find_context, read_models
from streamchat.models.request_format import Message, RequestFormat, attach_fields
from streamchat.models.transport import NETWORK, format_route
from streamchat.models.wire.delta import Delta
from streamchat.models.wire.normalize import read_delta
from streamchat.models.wire.stream import ChunkStream
from streamchat.models.wire.strict_chunk import to_generation_chunk

NO_KEY = "none"
_EXTRA_TIMEOUT = 5.0
_MAX_ERROR_BYTES = 1 << 18


class CompatibleChatOpenAI(ChatOpenAI):
    """ChatOpenAI that also reads the streams of servers that deviate from the API."""

    _key_variable: str = PrivateAttr(OPENAI_KEY)
    _format: RequestFormat = PrivateAttr(RequestFormat())
    _network: Network = PrivateAttr(Network())
    _context_tokens: int | None = PrivateAttr(None)

    async def aclose(self) -> None:
        """Close the connections to the server."""
        await self.root_async_client.close()
        self.root_client.close()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no output may contain: the key, and what the base URL and the environment hold."""
        key = self.openai_api_key
        value = key.get_secret_value() if isinstance(key, SecretStr) else NO_KEY
        others = (*find_url_credentials(self.openai_api_base), *self._network.secrets)
        return others if value == NO_KEY else (value, *others)

    @property
    def format(self) -> RequestFormat:
        """The form of messages that the server takes."""
        return self._format

    @property
    def host(self) -> str:
        """The server's host, with the port unless it is the default one, and the proxy if any."""
        return format_route(self.root_async_client.base_url, self._network)

    @property
    def key_variable(self) -> str:
        """The environment variable that the key comes from."""
        return self._key_variable

    @property
    def context_tokens(self) -> int | None:
        """How many tokens the context has, if the server said so when its models were listed."""
        return self._context_tokens

    @property
    def streams_deltas(self) -> bool:
        """Whether `stream_deltas` says all that LangChain's own stream would."""
        return type(self)._astream is ChatOpenAI._astream and self.rate_limiter is None

    async def stream_deltas(
        self, messages: Sequence[BaseMessage], **options: Any
    ) -> AsyncGenerator[Delta]:
        """Yield what each chunk of the answer says, without LangChain's messages and callbacks.

        Those take most of the CPU time of a token.

        Raises:
            openai.APIError: the request failed, or the stream did.
        """
        if self.stream_usage:
            options["stream_options"] = {"include_usage": True}
        payload = self._get_request_payload(list(messages), stream=True, **options)
        async with (
            await self.async_client.create(**payload) as response,
            aclosing(aiter(response)) as chunks,
        ):
            async for chunk in chunks:
                yield read_delta(chunk)

    async def list_models(self) -> list[str]:
        """Return the names of the server's models; none if it does not list them.

        Raises:
            openai.APIError: the request failed.
        """
        listed = await self.root_async_client.get("/models", cast_to=object)
        models = read_models(listed)
        self._context_tokens = find_context(models, self.model_name)
        return list(models)

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        messages = self._convert_input(input_).to_messages()
        payload["messages"] = self._format.apply(attach_fields(payload["messages"], messages))
        return payload

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: Any
    ) -> ChatGenerationChunk:
        return to_generation_chunk(chunk)


class _PlainCompletions:
    """A client's chat completions, with streams read by `ChunkStream`."""

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


class _AsyncClient(openai.DefaultAsyncHttpxClient):
    """Reads only the beginning of an error's body: the OpenAI client reads all, which may not end.

    Args:
        error_seconds: how long to wait for that beginning.
        network: goes with every request, for error messages.
    """

    def __init__(self, *, error_seconds: float, network: Network, **options: Any) -> None:
        super().__init__(**options)
        self._error_seconds = error_seconds
        self._network = network

    async def send(
        self, request: httpx2.Request, *, stream: bool = False, **options: Any
    ) -> httpx2.Response:
        request.extensions[NETWORK] = self._network
        response = await super().send(request, stream=True, **options)
        if not response.is_success:
            return await _shorten_error(response, self._error_seconds)
        if not stream:
            try:
                await response.aread()
            except BaseException:
                await response.aclose()
                raise
        return response


async def _shorten_error(response: httpx2.Response, seconds: float) -> httpx2.Response:
    body = b""
    # The status is known, and matters more than a body that cannot be read.
    with suppress(Exception):
        async with asyncio.timeout(seconds):
            async for data in response.aiter_bytes():
                body += data
                if len(body) >= _MAX_ERROR_BYTES:
                    break
    with suppress(Exception):
        await response.aclose()
    # The body is decoded by now.
    framing = ("content-encoding", "content-length", "transfer-encoding")
    return httpx2.Response(
        response.status_code,
        headers=[
            (name, value)
            for name, value in response.headers.raw
            if name.decode("latin-1").lower() not in framing
        ],
        content=body[:_MAX_ERROR_BYTES],
        request=response.request,
        extensions=response.extensions,
    )


_Model = TypeVar("_Model", bound=CompatibleChatOpenAI)


def connect(
    model: str,
    kind: type[_Model] = CompatibleChatOpenAI,  # type: ignore[assignment]  # the bound is the default
    *,
    base_url: str | None,
    api_key: str | None,
    temperature: float,
    timeout: float,
    trust_environment: bool = True,
    key_variable: str = OPENAI_KEY,
    **options: Any,
) -> _Model:
    """Return the chat model `model` on a server; OpenAI's own if `base_url` is None.

    Without a key, a placeholder is sent. Redirects are not followed, so that the prompt goes to no
    other host. There are no retries here: the caller decides on those.

    Args:
        kind: the class of the model.
        timeout: seconds to wait for a connection and for the next byte.
        trust_environment: whether proxies, certificates and OpenAI's headers named in the
            environment are used.
        key_variable: the environment variable that the key comes from, for error messages.
        options: further arguments of ChatOpenAI.

    Raises:
        SettingsError: a variable of the environment cannot be used.
    """
    # The caller's watchdog knows what progress is, so it goes off first.
    limits = openai.Timeout(timeout + _EXTRA_TIMEOUT)
    network = read_network(base_url or OPENAI_URL) if trust_environment else Network()
    connections = {"follow_redirects": False, "timeout": limits, **_build_connections(network)}
    llm = kind(
        model=model,
        # Always set: otherwise the client reads environment variables that are not documented here.
        base_url=base_url or OPENAI_URL,
        api_key=SecretStr(api_key or NO_KEY),
        temperature=temperature,
        timeout=limits,
        max_retries=0,
        stream_usage=True,
        stream_chunk_timeout=0,
        use_responses_api=False,
        # Read from the environment, or chosen by it, unless they are given.
        organization=network.organization,
        openai_proxy=None,
        output_version="v0",
        http_socket_options=(),
        http_client=openai.DefaultHttpxClient(**connections),
        http_async_client=_AsyncClient(
            error_seconds=min(1.0, timeout / 3), network=network, **connections
        ),
        **options,
    )
    for client in (llm.root_client, llm.root_async_client):
        client.organization, client.project = network.organization, network.project
    llm._key_variable, llm._network = key_variable, network
    llm.async_client = _PlainCompletions(llm.root_async_client)
    return llm


def _build_connections(network: Network) -> dict[str, Any]:
    """Return the arguments of an HTTP client, which needs nothing more from the environment."""
    # Loading certificates takes a while, and http:// needs none.
    tls = httpx2.create_ssl_context() if network.uses_tls else SSLContext(PROTOCOL_TLS_CLIENT)
    proxy = None
    if network.proxy:
        is_https = network.proxy.url.startswith("https:")
        proxy = httpx2.Proxy(network.proxy.url, ssl_context=tls if is_https else None)
    return {"trust_env": False, "verify": tls, "proxy": proxy}


_OPTIONS: dict[str, dict[str, Any]] = {
    "stream_options": {"stream_usage": False},
    "temperature": {"temperature": None},
    "thinking": {"reasoning": None},  # of Ollama's own API
}


def adapt_request(
    llm: BaseChatModel, complaint: str, messages: Sequence[Message]
) -> tuple[BaseChatModel, str] | None:
    """Return the model without what the server refused, and the change in a few words.

    Args:
        llm: the model.
        complaint: the server's words, in lower case.
        messages: as they were sent.

    Returns:
        None if the complaint is about something else.
    """
    for option, changes in _OPTIONS.items():
        already = all(getattr(llm, name, value) == value for name, value in changes.items())
        if option in complaint and not already:
            return llm.model_copy(update=changes), f"without {option}"
    if isinstance(llm, CompatibleChatOpenAI) and (found := llm.format.adapt(complaint, messages)):
        adapted = llm.model_copy()
        adapted._format, change = found
        return adapted, change
    return None
