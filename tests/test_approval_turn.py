"""Turns in which calls need an approval, against a scripted server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool

from streamchat.agent.executor_source import ExecutorSource
from streamchat.agent.source import Approval, Request, Run
from streamchat.events import (
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    Event,
    ToolFinished,
    ToolStarted,
    TurnDone,
)
from streamchat.process.interrupts import InterruptHandler
from streamchat.sessions.turns import run_turn
from streamchat.tools.approval import RulePolicy
from streamchat.turn import Turn, fold
from streamchat.view import TextView
from tests.agents import close_agents, open_agent
from tests.plays import pick
from tests.server import NEVER, Server, calls, says


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await close_agents()


@tool
def delete(path: str) -> str:
    """Delete a file."""
    return f"{path} is gone"


class Answers:
    """Answers with these approvals, and remembers what was asked."""

    def __init__(self, *answers: Approval | None, pauses: bool = False) -> None:
        self.pauses = pauses
        self.asked: list[tuple[ApprovalRequested, str]] = []
        self._answers = list(answers)

    async def approve(self, requested: ApprovalRequested, problem: str) -> Approval | None:
        self.asked.append((requested, problem))
        return self._answers.pop(0)


class Events(TextView):
    """Keeps the events, and does something when one comes."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def show(self, turn: Turn, event: Event) -> None:
        self.events.append(event)


def open_source(server: Server, *tools: BaseTool, **fields: Any) -> ExecutorSource:
    return ExecutorSource(
        open_agent(server, tools=list(tools or [delete]), **fields), policy=RulePolicy()
    )


async def play(source: ExecutorSource, answers: Answers | None) -> list[Event]:
    view = Events()
    request = Request("Delete my notes", approves=answers is not None)
    await run_turn(source, request, view, InterruptHandler(), ask_approval=answers)
    return view.events


def results(server: Server, request: int = -1) -> list[str]:
    """Return what the model reads about its calls."""
    messages = server.requests[request]["messages"]
    return [each["content"] for each in messages if each["role"] == "tool"]


async def test_a_call_runs_once_the_user_has_approved_it(server: Server) -> None:
    server.script(calls("delete", path="notes.txt"), says("Done."))
    answers = Answers(Approval(True))
    events = await play(open_source(server), answers)
    kinds = (ApprovalRequested, ApprovalGiven, ToolStarted, ToolFinished)
    asked, given, started, finished = pick(events, *kinds)
    assert asked == ApprovalRequested("call_delete", "delete", {"path": "notes.txt"})
    assert (given.approved, given.by, given.reason, given.arguments) == (True, "user", "", None)
    assert given.time.endswith("+00:00")
    assert started == ToolStarted("call_delete", {"path": "notes.txt"})
    assert finished.output == "notes.txt is gone"
    assert results(server) == ["notes.txt is gone"]


async def test_the_model_hears_why_a_call_is_refused(server: Server) -> None:
    server.script(calls("delete", path="notes.txt"), says("I see."))
    events = await play(open_source(server), Answers(Approval(False, "keep them")))
    assert not pick(events, ToolStarted)
    (finished,) = pick(events, ToolFinished)
    assert finished.failed
    assert finished.output == "not run: the user refused it: keep them"
    assert results(server) == ["Error: not run: the user refused it: keep them"]
    assert isinstance(events[-1], TurnDone)


async def test_a_call_runs_with_edited_arguments_that_fit_the_schema(server: Server) -> None:
    server.script(calls("delete", path="notes.txt"), says("Done."))
    answers = Answers(
        Approval(True, arguments={"path": 5}), Approval(True, arguments={"path": "old.txt"})
    )
    events = await play(open_source(server), answers)
    assert [problem for _, problem in answers.asked] == [
        "",
        "wrong arguments: path: Input should be a valid string",
    ]
    (given,) = pick(events, ApprovalGiven)
    assert given.arguments == {"path": "old.txt"}
    assert fold(events).call("call_delete").arguments == {"path": "old.txt"}
    (result,) = results(server)
    assert result.endswith("\nold.txt is gone")
    assert "user changed the arguments" in result
    call = server.requests[-1]["messages"][-2]["tool_calls"][0]["function"]
    assert call["arguments"] == '{"path": "old.txt"}'


async def test_a_call_that_arrives_is_refused_while_the_server_is_silent(server: Server) -> None:
    begun = calls("delete", path="old.txt", id="a") + calls("delete", ['{"pa'], id="b")
    server.script(begun.but(parts=(*begun.parts, NEVER)), says("All right."))
    source = open_source(server, timeout=30)
    run: list[Run] = []
    view = Refusing(run)
    answers = Answers(Approval(True))
    request = Request("Delete my notes", approves=True)
    turn = await run_turn(
        source, request, view, InterruptHandler(), ask_approval=answers, on_start=run.append
    )
    assert turn.answer.text == "All right."
    assert server.disconnected.wait(10)
    assert results(server) == [
        "old.txt is gone",
        "Error: not run: the user refused the call before its arguments were complete",
    ]
    sent = server.requests[-1]["messages"][-3]["tool_calls"]
    assert [each["function"]["arguments"] for each in sent] == ['{"path": "old.txt"}', "{}"]


class Refusing(Events):
    """Refuses the second call as soon as some of its arguments are there."""

    def __init__(self, run: list[Run]) -> None:
        super().__init__()
        self._run = run

    def show(self, turn: Turn, event: Event) -> None:
        super().show(turn, event)
        if isinstance(event, ArgumentsDelta) and event.call_id == "b":
            assert self._run[0].refuse_arriving()
