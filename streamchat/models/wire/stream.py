"""Reads a response as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, suppress
from typing import TypeVar

import openai

from streamchat.models.transport import is_transport_error
from streamchat.models.wire.body import BodyDecoder, Chunk, ReportedError, UnreadableError
from streamchat.models.wire.normalize import ChoiceFilter, find_finish_reason, has_content

_GRACE = 1.0
"""Seconds to wait for usage and the end of the body after the finish reason."""
_DRAIN = 0.1
"""Seconds to wait for the end of the body after [DONE], so that the connection can be reused."""

_T = TypeVar("_T")


class ChunkStream(openai.AsyncStream[object]):
    """Yields the chunks of a response as plain dicts, and a last one that says how it ended.

    The client would build nested models of every chunk, which ChatOpenAI dumps to a dict again:
    more than half of the CPU time of a token. It would also hang on a body that never ends, and
    treat a truncated stream as complete. The last chunk's `stream_end` is "done" if the server
    marked the end, and "eof" if the body just ended.

    Attributes:
        body: the decoder, available once the first chunk has been requested.
    """

    body: BodyDecoder

    async def __aiter__(self) -> AsyncIterator[object]:
        """Yield the chunks.

        Raises:
            openai.APIError: the server reports an error, the connection failed, or the response is
                invalid.
        """
        body = self.body = BodyDecoder()
        choice = ChoiceFilter()
        finished = False
        deadline: float | None = None
        clock = asyncio.get_running_loop().time
        async with aclosing(self.response), aclosing(self.response.aiter_bytes()) as pieces:
            while not body.done:
                try:
                    piece = await _next(pieces, deadline)
                except Exception as error:
                    if finished:
                        break
                    raise self._connection_error(error) from error
                if deadline and clock() >= deadline:
                    break  # even if pings keep coming
                try:
                    for chunk in self._read(body.finish() if piece is None else body.feed(piece)):
                        chosen = choice.select(chunk)
                        yield chosen
                        finished = finished or bool(find_finish_reason(chosen))
                        if finished and (deadline is None or has_content(chosen)):
                            deadline = clock() + _GRACE
                except openai.APIError:
                    if finished:
                        break
                    raise
                if piece is None:
                    break
            else:
                await _next(_drain(pieces), clock() + _DRAIN)
        yield {"stream_end": "done" if finished or body.done else "eof"}

    def _read(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        request = self.response.request
        try:
            yield from chunks
        except UnreadableError as error:
            raise openai.APIError(str(error), request, body=None) from None
        except ReportedError as error:
            raise openai.APIError("no reason given", request, body=error.body) from None

    def _connection_error(self, error: Exception) -> Exception:
        if not is_transport_error(error):
            return error
        return openai.APIConnectionError(message=str(error), request=self.response.request)


async def _next(pieces: AsyncIterator[_T], deadline: float | None) -> _T | None:
    """Return the next piece, or None at the end or at the deadline."""
    if deadline is None:
        return await anext(pieces, None)
    try:
        async with asyncio.timeout_at(deadline) as patience:
            return await anext(pieces, None)
    except TimeoutError:
        if not patience.expired():
            raise
        return None


async def _drain(pieces: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Drain the pieces without yielding."""
    with suppress(
        Exception
    ):  # the answer is complete; an error of the connection no longer matters
        async for _ in pieces:
            pass
    return
    yield
