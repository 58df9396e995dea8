"""The user's own agents on a scripted server, asked in the test's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from langchain_openai import ChatOpenAI
from langchain_openai.chat_models import _client_utils
from pydantic import SecretStr

from streamchat.agent.source import Exchange, Request
from streamchat.agent.target.play import Play
from streamchat.events import Event, InputRequested, StepFinished, TurnDone, TurnStarted
from streamchat.tools.approval import Verdict
from streamchat.turn import Turn, fold
from tests.server import Server

OPEN: list[ChatOpenAI] = []


def open_model(server: Server, **options: Any) -> ChatOpenAI:
    """LangChain's own model for OpenAI-compatible servers; `close_models` closes it."""
    OPEN.append(ChatOpenAI(model="m", base_url=server.url, api_key=SecretStr("sk"), **options))
    return OPEN[-1]


async def close_models() -> None:
    """Close the connections of the models in OPEN."""
    while OPEN:
        model = OPEN.pop()
        await model.root_async_client.close()
        model.root_client.close()
    forget_clients()


def forget_clients() -> None:
    """Forget LangChain's clients: it keeps one for each address, also a closed one."""
    _client_utils._cached_async_httpx_client.cache_clear()
    _client_utils._cached_sync_httpx_client.cache_clear()


class Emitted:
    """Takes the events of a turn."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._came = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._came.set()

    async def wait_for(self, kind: type) -> None:
        """Wait until there is an event of this kind."""
        while not pick(self.events, kind):
            self._came.clear()
            await self._came.wait()

    async def wait_for_event(self, event: Event) -> None:
        """Wait until this very event is there."""
        while event not in self.events:
            self._came.clear()
            await self._came.wait()

    def judge(self, tool: str) -> Verdict:
        return Verdict("ask")

    async def wait_for_room(self) -> None:
        """There is always some."""

    def hold(self, lock: asyncio.Lock) -> asyncio.Lock:
        return lock

    async def ask(self, requested: InputRequested) -> object:
        raise AssertionError(f"nobody expects to be asked {requested.question}")


async def ask(play: Play, question: str, emit: Emitted, **fields: Any) -> TurnDone:
    return await play.answer(Request(question, **fields), emit)


async def collect(play: Play, question: str = "What is 10 + 10", **fields: Any) -> list[Event]:
    """Return the events of a turn that has an answer, without the times."""
    emit = Emitted()
    done = await ask(play, question, emit, **fields)
    return [TurnStarted(question, "m"), *emit.events, done]


async def play_turn(play: Play, question: str = "What is 10 + 10", **fields: Any) -> Turn:
    return fold(await collect(play, question, **fields))


def pick(events: Iterable[Event], *kinds: type) -> list[Any]:
    """Return the events of these kinds."""
    return [event for event in events if isinstance(event, kinds)]


def join(events: Iterable[Event], kind: type) -> str:
    """Return the text of the events of a kind."""
    return "".join(event.text for event in pick(events, kind))


def exchanges(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Return the fields of a request that say what came before."""
    history = [Exchange(question, answer) for question, answer in pairs]
    return {"history": history, "questions": [question for question, _ in pairs]}


def sent(server: Server, request: int = -1) -> list[tuple[str, str]]:
    """Return role and content of the messages of a request."""
    return [(each["role"], each["content"]) for each in server.requests[request]["messages"]]


def reasons(events: Iterable[Event]) -> list[str | None]:
    return [event.finish_reason for event in pick(events, StepFinished)]
