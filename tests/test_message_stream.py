"""A message that comes straight from the server is what LangChain's callbacks would make of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.runnables import RunnableLambda

from streamchat import AgentExecutor
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.events import ChunkReceived, Event, StepFinished, ToolFinished, TurnDone
from streamchat.models.openai_compatible import CompatibleChatOpenAI, connect
from tests.server import Reply, Server, answers, call_delta, calls, delta, notebook, says

USED = (7, 5)
TALKS = {
    "text": [says("<think>hm</think>", "a ", "\U0001f600", usage=USED)],
    "reasoning": [Reply((delta(reasoning_content="hm"), delta(content="yes")), usage=USED)],
    "notebook": [*notebook()],
    "call in pieces": [says("Let me see.") + calls("add", x=1, y=2), answers("3")],
    "odd fields": [
        Reply((call_delta(None, name="add", arguments={"x": 1, "y": 2}),), "tool_calls"),
        answers("3"),
    ],
    "extra fields": [
        Reply((delta(reasoning_details=[{"text": "t"}]),)) + calls("add", x=1, y=2),
        answers("3"),
    ],
    "refusal": [Reply((delta(refusal="I will not."),))],
    "cut off": [says("half", finish_reason="length")],
}


@pytest.fixture
async def llm(server: Server) -> AsyncIterator[CompatibleChatOpenAI]:
    llm = connect("m", base_url=server.url, api_key="sk-secret-of-mine", temperature=0, timeout=60)
    yield llm
    await llm.aclose()


class Listener(AsyncCallbackHandler):
    """Anybody who listens to LangChain's callbacks."""

    def __init__(self) -> None:
        self.tokens: list[object] = []

    async def on_llm_new_token(self, token: object, **_: Any) -> None:
        self.tokens.append(token)


async def ask(llm: CompatibleChatOpenAI, *, raw: bool = False) -> list[Event]:
    """Return the events of a turn without their times."""
    streamer = QueueCallbackHandler(raw=raw)
    turn = AgentExecutor(llm).invoke("?", streamer, history=())
    try:
        await turn
    except Exception as error:
        assert "\n" not in str(error)  # noqa: PT017  # the last event says it, too
    # LangChain ends each message with an empty chunk of its own.
    return [untimed(event) async for event in streamer if event != ChunkReceived("")]


def untimed(event: Event) -> Event:
    match event:
        case StepFinished():
            return replace(event, seconds=0, first_token_seconds=None)
        case ToolFinished() | TurnDone():
            return replace(event, seconds=0)
        case _:
            return replace(event, seconds=0) if hasattr(event, "error") else event


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("replies", TALKS.values(), ids=TALKS)
async def test_both_ways_give_the_same_events(
    server: Server, llm: CompatibleChatOpenAI, replies: list[Reply], raw: bool
) -> None:
    listener = Listener()
    server.script(*replies, *replies)
    straight = await ask(llm, raw=raw)
    llm.callbacks = [listener]
    heard = await ask(llm, raw=raw)
    assert heard == straight
    assert listener.tokens
    half = len(server.requests) // 2
    assert server.requests[half:] == server.requests[:half]


async def test_who_listens_to_the_chain_around_it_hears_of_it(
    server: Server, llm: CompatibleChatOpenAI
) -> None:
    server.script(says("yes"))
    listener = Listener()

    async def step(_: object) -> list[Event]:
        return await ask(llm)

    await RunnableLambda(step).ainvoke(None, {"callbacks": [listener]})
    assert "yes" in listener.tokens


async def test_a_streamer_of_ones_own_gets_the_callbacks(
    server: Server, llm: CompatibleChatOpenAI
) -> None:
    class Own(QueueCallbackHandler):
        heard = ""

        async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            self.heard += token
            await super().on_llm_new_token(token, **kwargs)

    server.script(says("yes"))
    streamer = Own()
    await AgentExecutor(llm, []).invoke("?", streamer, history=())
    assert streamer.heard == "yes"
