"""Single requests to a server, of which everything is kept that came."""

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

from streamchat.config import Settings
from streamchat.models import open_model
from streamchat.models.errors import describe
from streamchat.models.openai_compatible import CompatibleChatOpenAI
from streamchat.models.progress import Progress, silent
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

_TOTAL = 2
"""How many times the time without progress a response may take in all."""
_MOST_CHUNKS = 20_000


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a response did not come, or not to its end.

    Attributes:
        words: one line for a person, without secrets.
        status: of the response; None if there was none, or if it had begun well.
        said: the server's own words; empty if it has none.
        complaint: the same in small letters if it turned the request down, else empty.
        refuses_tools: whether it turned the tools or the tool choice down.
        unknown_model: whether it says that it has no such model.
        final: whether other requests would fare no better: no connection, no time, or a wrong key.
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
        """The status and the server's own words if there is a status, without advice."""
        return f"{self.status}: {self.said or 'no reason given'}" if self.status else self.words


@dataclass(frozen=True, slots=True)
class Observation:
    """What came of a request for a completion.

    Attributes:
        chunks: the objects of the API as they came, and the one by which `ChunkStream` ends.
        first_seconds: until the first words came; None if there were none.
        is_stream: whether they came as events, and not as one JSON text.
        done: whether the stream said [DONE].
        failure: why there is no more; None if the response came to its end.
    """

    chunks: tuple[Chunk, ...] = ()
    first_seconds: float | None = None
    is_stream: bool = False
    done: bool = False
    failure: Failure | None = None


class Probe:
    """Sends single requests to the server of a model; nothing is tried again.

    Args:
        llm: the model.
        timeout: seconds without progress after which a request fails.
    """

    def __init__(self, llm: CompatibleChatOpenAI, timeout: float) -> None:
        self._llm = llm
        self._timeout = timeout
        self.redactor = Redactor(llm.secrets)

    @classmethod
    def on(cls, settings: Settings, progress: Progress = silent) -> Self:
        """Returns a probe of the model that the settings name.

        Raises:
            ModelError: there is no such model here, or no key for it.
        """
        return cls(open_model(settings, progress), settings.timeout)

    @property
    def model(self) -> str:
        """The model's name."""
        return self._llm.model_name

    @property
    def temperature(self) -> float | None:
        """The temperature that is asked for."""
        return self._llm.temperature

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._llm.aclose()

    async def models(self) -> list[str] | Failure:
        """Returns the names of the models that the server lists."""
        started = perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._llm.model_names()
        except TimeoutError:
            return self._late("answer", started)
        except Exception as error:  # of whatever library, for whatever came
            return self._failure(error)

    async def ask(self, payload: Mapping[str, Any]) -> Observation:
        """Sends a request whose response is to be streamed, and returns what came of it."""
        started = perf_counter()
        stream: ChunkStream | None = None
        chunks: list[Chunk] = []
        first: float | None = None
        failure: Failure | None = None
        clock = asyncio.get_running_loop().time
        try:
            async with (
                asyncio.timeout(_TOTAL * self._timeout),
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
                        if len(chunks) == _MOST_CHUNKS:
                            raise TimeoutError
        except TimeoutError:
            failure = self._late("end" if chunks else "answer", started)
        except Exception as error:  # of whatever library, for whatever came
            failure = self._failure(error)
        body = stream.body if stream else None
        return Observation(
            chunks=tuple(chunks),
            first_seconds=first and first - started,
            is_stream=bool(body and body.is_stream),
            done=bool(body and body.is_stream and body.done),
            failure=failure,
        )

    def _late(self, what: str, started: float) -> Failure:
        seconds = perf_counter() - started
        return Failure(
            f"timed out: no {what} from {self._llm.host} within {seconds:.1f} s", final=True
        )

    def _failure(self, error: Exception) -> Failure:
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


def described(tools: Sequence[BaseTool]) -> list[dict[str, Any]]:
    """Returns the tools as a request offers them."""
    return [convert_to_openai_tool(tool) for tool in tools]
