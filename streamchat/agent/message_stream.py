"""Opens the stream of one message, with as little between the server and the streamer as can be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from langchain_core.callbacks import AsyncCallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import ensure_config

from streamchat.agent.binding import ModelBinding
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.models.openai_compatible import CompatibleChatOpenAI
from streamchat.models.wire.delta import Delta


def open_stream(
    binding: ModelBinding, messages: list[BaseMessage], streamer: QueueCallbackHandler
) -> AsyncIterator[object]:
    """Return an iterator over a message's chunks, each of which the streamer has received.

    It goes through LangChain's callbacks if anybody else listens to these: a tracer, a handler that
    counts tokens, a subclass of the streamer's.
    """
    llm = binding.llm
    if (
        isinstance(llm, CompatibleChatOpenAI)
        and llm.streams_deltas
        and not streamer.needs_callbacks
        and not _is_overheard(llm)
    ):
        return _pass_on(llm.stream_deltas(messages, **binding.options), streamer)
    return binding.runnable.astream(messages, {"callbacks": [streamer]})


async def _pass_on(
    stream: AsyncGenerator[Delta], streamer: QueueCallbackHandler
) -> AsyncIterator[object]:
    async with aclosing(stream) as deltas:
        async for delta in deltas:
            await streamer.receive(delta)
            yield delta


def _is_overheard(llm: BaseChatModel) -> bool:
    """Whether LangChain would tell anybody about a run of the model that starts here."""
    inherited = ensure_config().get("callbacks")
    return bool(AsyncCallbackManager.configure(inherited, llm.callbacks, llm.verbose).handlers)
