"""Sends single requests to a server, and keeps all of the response."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Self

import openai
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from streamchat.config import ModelError, Settings
from streamchat.models import open_model
from streamchat.models.errors import describe
from streamchat.models.openai_compatible import CompatibleChatOpenAI
from streamchat.models.progress import Progress, ignore_progress
from streamchat.models.refusals import (
    is_unknown_model,
    read_complaint,
    read_server_message,
    refuses_tools,
)
from streamchat.models.wire.body import Chunk
from streamchat.models.wire.normalize import has_content
from streamchat.models.wire.stream import ChunkStream
from streamchat.text.redact import Redactor

_TOTAL_FACTOR = 2
"""A response may take this many times the time-out in all."""
_MAX_CHUNKS = 20_000


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a response did not arrive, or not completely.

    Attributes:
        words: one line for the user, without secrets.
        status: the status of an error response; None if there was none.
        said: the server's own message; empty if it sent none.
        complaint: the same in lower case if the server refused the request, else empty.
        refuses_tools: whether it refused the tools or the tool choice.
        unknown_model: whether it says that it has no such model.
        final: whether other requests would fail, too: no connection, no time, or a wrong key.
    """

    words: str
    status: int | None = None
    said: str = ""
    complaint: str = ""
    refuses_tools: bool = False
    unknown_model: bool = False
    final: bool = False

    @property
    def brief(self) -> str:
        """The status and the server's own message, without advice, or else `words`."""
        return f"{self.status}: {self.said or 'no reason given'}" if self.status else self.words


@dataclass(frozen=True, slots=True)
class Observation:
    """The response to a request for a completion.

    Attributes:
        chunks: the chunks as received, and the one that `ChunkStream` adds at the end.
        first_seconds: until the first content; None if there was none.
        is_stream: whether they arrived as events, and not as one JSON text.
        done: whether the stream ended with [DONE].
        failure: why the response is incomplete; None if it is complete.
    """

    chunks: tuple[Chunk, ...] = ()
    first_seconds: float | None = None
    is_stream: bool = False
    done: bool = False
    failure: Failure | None = None


class Probe:
    """Sends single requests to the server of a model, without retries.

    Args:
        llm: the model.
        timeout: seconds without progress after which a request fails.
    """

    def __init__(self, llm: CompatibleChatOpenAI, timeout: float) -> None:
        self._llm = llm
        self._timeout = timeout
        self.redactor = Redactor(llm.secrets)

    @classmethod
    def on(cls, settings: Settings, progress: Progress = ignore_progress) -> Self:
        """Return a probe of the model that the settings name.

        Raises:
            ModelError: the model is not available.
        """
        if settings.provider:
            raise ModelError(
                "doctor is for OpenAI-compatible servers and the embedded model; "
                f'try {settings.model_name} with: streamchat ask "What is 10 + 10"'
            )
        llm = open_model(settings, progress)
        assert isinstance(llm, CompatibleChatOpenAI)
        return cls(llm, settings.timeout)

    @property
    def model(self) -> str:
        return self._llm.model_name

    @property
    def temperature(self) -> float | None:
        return self._llm.temperature

    async def aclose(self) -> None:
        await self._llm.aclose()

    async def models(self) -> list[str] | Failure:
        """Return the names of the models that the server lists."""
        started = perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._llm.list_models()
        except TimeoutError:
            return self._build_timeout("answer", started)
        except Exception as error:  # any library may raise, on any response
            return self._build_failure(error)

    async def ask(self, payload: Mapping[str, Any]) -> Observation:
        """Send a request for a streamed completion, and return the response."""
        started = perf_counter()
        stream: ChunkStream | None = None
        chunks: list[Chunk] = []
        first: float | None = None
        failure: Failure | None = None
        clock = asyncio.get_running_loop().time
        try:
            async with (
                asyncio.timeout(_TOTAL_FACTOR * self._timeout),
                asyncio.timeout(self._timeout) as patience,
            ):
                stream = await self._llm.async_client.create(**payload)
                async with aclosing(aiter(stream)) as received:
                    async for chunk in received:
                        assert isinstance(chunk, dict)  # the stream gives no others
                        chunks.append(chunk)
                        if has_content(chunk):
                            first = first or perf_counter()
                            patience.reschedule(clock() + self._timeout)
                        if len(chunks) == _MAX_CHUNKS:
                            raise TimeoutError
        except TimeoutError:
            failure = self._build_timeout("end" if chunks else "answer", started)
        except Exception as error:  # any library may raise, on any response
            failure = self._build_failure(error)
        body = stream.body if stream else None
        return Observation(
            chunks=tuple(chunks),
            first_seconds=first and first - started,
            is_stream=bool(body and body.is_stream),
            done=bool(body and body.is_stream and body.done),
            failure=failure,
        )

    def _build_timeout(self, what: str, started: float) -> Failure:
        seconds = perf_counter() - started
        return Failure(
            f"timed out: no {what} from {self._llm.host} within {seconds:.1f} s", final=True
        )

    def _build_failure(self, error: Exception) -> Failure:
        status = error.status_code if isinstance(error, openai.APIStatusError) else None
        return Failure(
            words=describe(error, self.redactor, key_variable=self._llm.key_variable),
            status=status,
            said=read_server_message(error),
            complaint=read_complaint(error),
            refuses_tools=refuses_tools(error),
            unknown_model=is_unknown_model(error),
            final=status in (401, 403) or isinstance(error, openai.APIConnectionError),
        )


def describe_tools(tools: Sequence[BaseTool]) -> list[dict[str, Any]]:
    """Return the tools as a request offers them."""
    return [convert_to_openai_tool(tool) for tool in tools]
