"""From LangChain's callbacks to the iterator."""

from __future__ import annotations

import asyncio
import re
from itertools import cycle

import pytest
from langchain_core.language_models import (
    BaseChatModel,
    FakeMessagesListChatModel,
    GenericFakeChatModel,
)
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk

from streamchat import QueueCallbackHandler, merge_chunks
from streamchat.agent.decoder import ChunkDecoder
from streamchat.events import (
    ChunkReceived,
    Event,
    Notice,
    TextDelta,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.models.openai_compatible import connect
from tests.server import Server, says


async def call_back(streamer: QueueCallbackHandler, *tokens: str) -> None:
    for token in tokens:
        chunk = ChatGenerationChunk(message=AIMessageChunk(token))
        await streamer.on_llm_new_token(token, chunk=chunk)


async def test_tokens_become_events_until_the_last_one() -> None:
    streamer = QueueCallbackHandler()
    await call_back(streamer, "a", "b")
    streamer.close(TurnDone("ab"))
    assert [event async for event in streamer] == [TextDelta("a"), TextDelta("b"), TurnDone("ab")]


@pytest.mark.parametrize("last", [TurnDone(""), TurnFailed("why"), TurnCancelled()])
async def test_every_ending_ends_the_iteration(last: TurnDone | TurnFailed | TurnCancelled) -> None:
    streamer = QueueCallbackHandler()
    streamer.close(last)
    assert [event async for event in streamer] == [last]


async def test_events_arrive_as_they_happen() -> None:
    streamer = QueueCallbackHandler()
    waiting = asyncio.create_task(anext(aiter(streamer)))
    await asyncio.sleep(0)
    assert not waiting.done()
    await call_back(streamer, "a")
    assert await waiting == TextDelta("a")


async def test_a_handler_serves_one_turn_after_another() -> None:
    streamer = QueueCallbackHandler()
    for number in ("1", "2"):
        streamer.close(TurnDone(number))
        assert [event async for event in streamer] == [TurnDone(number)]


async def test_a_queue_passed_in_may_be_bounded() -> None:
    queue: asyncio.Queue[Event] = asyncio.Queue(1)
    streamer = QueueCallbackHandler(queue)
    await call_back(streamer, "a")
    second = asyncio.create_task(call_back(streamer, "b"))
    await asyncio.sleep(0)
    assert not second.done()
    assert [await anext(aiter(streamer)) for _ in range(2)] == [TextDelta("a"), TextDelta("b")]
    await second


async def test_the_last_event_comes_even_if_the_queue_is_full() -> None:
    streamer = QueueCallbackHandler(asyncio.Queue(1))
    await streamer.put(Notice("full"))
    streamer.close(TurnCancelled())
    assert [event async for event in streamer] == [Notice("full"), TurnCancelled()]


async def test_chunks_are_kept_and_emitted_on_request() -> None:
    streamer = QueueCallbackHandler(keep_chunks=True, raw=True)
    await call_back(streamer, "N", "LP")
    streamer.close(TurnDone("NLP"))
    events = [event async for event in streamer]
    assert events[:2] == [ChunkReceived("N"), TextDelta("N")]
    assert merge_chunks(streamer.chunks).content == "NLP"


async def test_other_kinds_of_tokens_are_ignored() -> None:
    streamer = QueueCallbackHandler()
    await streamer.on_llm_new_token("a")
    await streamer.on_llm_new_token("a", chunk=GenerationChunk(text="a"))
    streamer.close(TurnDone(""))
    assert [event async for event in streamer] == [TurnDone("")]


@pytest.mark.parametrize(
    ("llm", "texts"),
    [
        (FakeMessagesListChatModel(responses=[AIMessage("N LP")]), ["N LP"]),
        (GenericFakeChatModel(messages=cycle([AIMessage("N LP")])), ["N", " ", "LP"]),
    ],
)
async def test_every_message_arrives_once_streamed_or_whole(
    llm: BaseChatModel, texts: list[str]
) -> None:
    streamer = QueueCallbackHandler()
    for _ in range(2):
        [chunk async for chunk in llm.astream("?", {"callbacks": [streamer]})]
    await llm.ainvoke("?", {"callbacks": [streamer]})
    streamer.close(TurnDone(""))
    *events, _ = [event async for event in streamer]
    assert events == [*map(TextDelta, texts * 2), TextDelta("N LP")]


async def test_held_text_is_released_at_the_end_of_a_message() -> None:
    streamer = QueueCallbackHandler()
    streamer.begin_message(ChunkDecoder())
    await call_back(streamer, "a\ud83d")
    reply = await streamer.end_message()
    streamer.close(TurnDone(reply.text))
    assert [event async for event in streamer] == [
        TextDelta("a"),
        TextDelta("\ud83d"),
        TurnDone("a\ud83d"),
    ]


async def test_it_is_a_callback_handler_for_any_langchain_model(server: Server) -> None:
    server.script(says("N", "LP"))
    streamer = QueueCallbackHandler()
    llm = connect("m", base_url=server.url, api_key=None, temperature=0, timeout=60)
    whole = "".join([chunk.text async for chunk in llm.astream("?", {"callbacks": [streamer]})])
    await llm.aclose()
    streamer.close(TurnDone(whole))
    assert [event async for event in streamer] == [
        TextDelta("N"),
        TextDelta("LP"),
        TurnDone("NLP"),
    ]


async def test_a_failing_decoder_ends_the_stream_and_is_not_swallowed(server: Server) -> None:
    class Broken(ChunkDecoder):
        def feed(self, message: object) -> list[Event]:
            raise ZeroDivisionError("broken")

    server.script(says("N"))
    streamer = QueueCallbackHandler()
    streamer.begin_message(Broken())
    llm = connect("m", base_url=server.url, api_key=None, temperature=0, timeout=60)
    with pytest.raises(ZeroDivisionError, match=re.escape("broken")):
        [chunk async for chunk in llm.astream("?", {"callbacks": [streamer]})]
    await llm.aclose()
