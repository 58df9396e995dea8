"""LangGraph's graphs on a scripted server, asked in the test's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from streamchat.agent.source import Exchange, Request
from streamchat.agent.target.graph import GraphPlay
from streamchat.agent.target.interrupts import read_answer
from streamchat.events import (
    Event,
    InputRequested,
    Notice,
    TurnStarted,
)
from streamchat.tools.approval import Verdict
from streamchat.turn import Answer, Prose, Turn, find_answer, fold
from tests import plays
from tests.plays import Emitted, pick
from tests.server import Server


def open_model(server: Server, **options: Any) -> ChatOpenAI:
    """A model whose failed requests are not repeated."""
    return plays.open_model(server, **{"max_retries": 0, **options})


@tool
def add(x: float, y: float) -> float:
    """Add two numbers."""
    return x + y


@tool
async def multiply(x: float, y: float) -> float:
    """Multiply two numbers."""
    return x * y


Judge: TypeAlias = Callable[[str], Verdict]


class Answering(Emitted):
    """Takes the events of a turn, and answers what the graph asks with what a user types."""

    def __init__(self, typed: Sequence[str] = (), judge: Judge | None = None) -> None:
        super().__init__()
        self._judge = judge
        self.typed = list(typed)

    def judge(self, tool: str) -> Verdict:
        return self._judge(tool) if self._judge else super().judge(tool)

    async def ask(self, requested: InputRequested) -> object:
        self(requested)
        return read_answer(requested, self.typed.pop(0))


async def collect(
    graph: Any,
    question: str = "What is 10 + 10?",
    *,
    typed: Sequence[str] = (),
    judge: Judge | None = None,
    **fields: Any,
) -> list[Event]:
    """Return the events of a turn that has an answer."""
    play = graph if isinstance(graph, GraphPlay) else GraphPlay(graph)
    emit = Answering(typed, judge)
    done = await play.answer(Request(question, **fields), emit)
    assert not emit.typed
    return [TurnStarted(question, "m"), *emit.events, done]


async def play_turn(graph: Any, question: str = "What is 10 + 10?", **fields: Any) -> Turn:
    return fold(await collect(graph, question, **fields))


@dataclass
class Chat:
    """A conversation with a graph: what its source is asked after each turn."""

    play: GraphPlay
    thread_id: str = "thread"
    turns: list[tuple[Exchange, bool]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    async def ask(self, question: str) -> str:
        """Ask a question, remember the turn, and return the answer."""
        history = [exchange for exchange, is_answered in self.turns if is_answered]
        request = Request(
            question,
            history=history,
            thread_id=self.thread_id,
            questions=[exchange.question for exchange, _ in self.turns],
        )
        emit = Emitted()
        try:
            answer = (await self.play.answer(request, emit)).answer
        except Exception:
            self.turns.append((Exchange(question, ""), False))
            raise
        finally:
            self.events = emit.events
        self.turns.append((Exchange(question, answer, tuple(emit.events)), True))
        return answer

    async def interrupt(self, question: str, after: Event) -> None:
        """Ask a question, and cancel the turn after this event."""
        history = [exchange for exchange, is_answered in self.turns if is_answered]
        questions = [exchange.question for exchange, _ in self.turns]
        request = Request(question, history, thread_id=self.thread_id, questions=questions)
        emit = Emitted()
        task = asyncio.create_task(self.play.answer(request, emit))
        await emit.wait_for_event(after)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        answer = find_answer(fold([TurnStarted(question, "m"), *emit.events]))
        self.turns.append((Exchange(question, answer, tuple(emit.events)), bool(answer)))


def notices(events: Iterable[Event]) -> list[str]:
    return [event.text for event in pick(events, Notice)]


def said(server: Server, request: int = -1) -> list[str]:
    """Return role and text of the messages of a request, without system messages."""
    messages = server.requests[request]["messages"]
    shown = [each for each in messages if each["role"] != "system"]
    return [f"{each['role']}: {_text(each)}" for each in shown]


def _text(message: dict[str, Any]) -> str:
    called = [call["function"]["name"] for call in message.get("tool_calls") or ()]
    return f"{message['content'] or ''}{called or ''}"


def texts(turn: Turn) -> list[str]:
    """Return the texts of a turn, in order."""
    return [each.text.text for each in turn.blocks if isinstance(each, Prose | Answer)]
