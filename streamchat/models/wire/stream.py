"""A response while it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, suppress
from typing import TypeVar

import openai

from streamchat.models.transport import is_transport_error
from streamchat.models.wire.body import BodyDecoder, Chunk, ReportedError, UnreadableError
from streamchat.models.wire.normalize import OneChoice, finish_reason, has_content

_GRACE = 1.0
"""Seconds that usage and the end of the body may come after the reason for the message's end."""
_DRAIN = 0.1
"""Seconds for what comes after [DONE]: a body that is read to its end leaves its connection."""

_T = TypeVar("_T")


class ChunkStream(openai.AsyncStream[object]):
    """Gives the chunks of a response as plain dicts, and a last one that tells how it ended.

    The client would build nested models of every chunk, which ChatOpenAI dumps to a dict again:
    more than half of the CPU time of a token. It would also wait for the end of a body that never
    ends, and take a stream that broke off for a whole one. The last chunk's `stream_end` is "done"
    if the server said that it was done, and "eof" if the body just ended.

    Attributes:
        body: what was read so far, once the first chunk has been asked for.
    """

    body: BodyDecoder

    async def __aiter__(self) -> AsyncIterator[object]:
        """Yields the chunks.

        Raises:
            openai.APIError: the server tells of an error, the connection broke off, or what came
                cannot be read.
        """
        body = self.body = BodyDecoder()
        choice = OneChoice()
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
                    break  # also where pings come without a pause
                chunks = self._read(body.finish() if piece is None else body.feed(piece))
                while (chunk := _following(chunks, forgiving=finished)) is not None:
                    chunk = choice.of(chunk)
                    yield chunk
                    finished = finished or bool(finish_reason(chunk))
                    if finished and (deadline is None or has_content(chunk)):
                        deadline = clock() + _GRACE
                if piece is None:
                    break
            else:
                await _next(_ended(pieces), clock() + _DRAIN)
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


def _following(chunks: Iterator[Chunk], *, forgiving: bool) -> Chunk | None:
    """Returns the next chunk, or None; once the message is whole, nothing can spoil it."""
    try:
        return next(chunks, None)
    except openai.APIError:
        if not forgiving:
            raise
        return None


async def _next(pieces: AsyncIterator[_T], deadline: float | None) -> _T | None:
    """Returns the next piece, or None if there is none, or none until then."""
    try:
        async with asyncio.timeout_at(deadline) as patience:
            return await anext(pieces, None)
    except TimeoutError:
        if not patience.expired():
            raise
        return None


async def _ended(pieces: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Ends when the pieces do."""
    with suppress(Exception):  # the answer is whole, whatever comes of its connection
        async for _ in pieces:
            pass
    return
    yield
