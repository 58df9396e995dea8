"""Turns in which calls need an approval, against a scripted server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool

from streamchat import AgentExecutor
from streamchat.agent.executor_source import ExecutorSource
from streamchat.agent.own_tools.toolbox import Toolbox
from streamchat.agent.source import Approval, Request, Run
from streamchat.config import Settings
from streamchat.events import (
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    Event,
    Notice,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
)
from streamchat.models import open_model
from streamchat.process.interrupts import InterruptHandler
from streamchat.sessions.turns import run_turn
from streamchat.text.redact import Redactor
from streamchat.tools import ARITHMETIC
from streamchat.tools.approval import IN_THIS_CHAT, Rule, RulePolicy, Rules
from streamchat.turn import Turn, find_unasked, fold
from streamchat.view import TextView
from tests.agents import close_agents, collect_events, open_agent
from tests.plays import pick
from tests.providers import ANTHROPIC
from tests.server import NEVER, Server, calls, says

REQUEST = Request("Delete my notes", approves=True)
TWO = calls("delete", path="a") + calls("delete", path="b", id="second")


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await close_agents()


@tool
def delete(path: str) -> str:
    """Delete a file."""
    return f"{path} is gone"


@tool
def read(path: str) -> str:
    """Read a file."""
    return f"{path} is here"


@tool
def copy(name: str, to: list[str]) -> str:
    """Copy a file."""
    return f"{name} to {', '.join(to)}"


@tool
async def sleep() -> None:
    """Sleep for a long time."""
    await asyncio.sleep(600)


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

    def __init__(self, on_event: Callable[[Event], object] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._on_event = on_event

    def show(self, turn: Turn, event: Event) -> None:
        self.events.append(event)
        self._on_event(event)


def open_source(server: Server, *tools: BaseTool, **fields: Any) -> ExecutorSource:
    agent = open_agent(server, tools=list(tools or [delete]), **fields)
    return ExecutorSource(agent, policy=RulePolicy())


def allow(*patterns: str) -> RulePolicy:
    return RulePolicy(Rules([Rule(each, "allow", f"--allow {each}") for each in patterns]))


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
    events = await play(open_source(server), Answers(Approval(True)))
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
    assert (finished.failed, finished.seconds) == (True, 0.0)
    assert finished.output == "not run: the user refused it: keep them"
    assert results(server) == ["Error: not run: the user refused it: keep them"]
    assert isinstance(events[-1], TurnDone)


async def test_a_call_runs_with_edited_arguments_that_fit_the_schema(server: Server) -> None:
    server.script(calls("delete", path="notes.txt"), says("Done."))
    answers = Answers(*(Approval(True, arguments={"path": each}) for each in (5, "old.txt")))
    events = await play(open_source(server), answers)
    assert [problem for _, problem in answers.asked] == [
        *("", "wrong arguments: path: Input should be a valid string"),
    ]
    (given,) = pick(events, ApprovalGiven)
    assert given.arguments == {"path": "old.txt"}
    assert fold(events).call("call_delete").arguments == {"path": "old.txt"}
    (result,) = results(server)
    assert result == "(The user changed the arguments of this call before it ran.)\nold.txt is gone"
    call = server.requests[-1]["messages"][-2]["tool_calls"][0]["function"]
    assert call["arguments"] == '{"path": "old.txt"}'


async def test_arguments_that_are_wrong_are_not_asked_about(server: Server) -> None:
    server.script(calls("delete", file="notes.txt"), says("Sorry."))
    answers = Answers()
    await play(open_source(server), answers)
    assert not answers.asked


async def test_calls_are_asked_about_one_after_the_other_while_allowed_ones_run(
    server: Server,
) -> None:
    server.script(TWO + calls("add", x=1, y=2), says("Done."))
    toolbox = Toolbox((*ARITHMETIC, delete), safe=["add"])
    source = ExecutorSource(open_agent(server, tools=toolbox.tools), toolbox, RulePolicy())
    added = asyncio.Event()
    view = Events(lambda event: added.set() if is_result_of(event, "call_add") else None)

    class AskSlowly(Answers):
        async def approve(self, requested: ApprovalRequested, problem: str) -> Approval | None:
            await added.wait()  # the other call does not wait for the user
            assert len(pick(view.events, ApprovalRequested)) == len(self.asked) + 1
            return await super().approve(requested, problem)

    answers = AskSlowly(Approval(False), Approval(True))
    await run_turn(source, REQUEST, view, InterruptHandler(), ask_approval=answers)
    assert [each.arguments["path"] for each, _ in answers.asked] == ["a", "b"]
    assert results(server) == ["Error: not run: the user refused it", "b is gone", "3"]


def is_result_of(event: Event, call_id: str) -> bool:
    return isinstance(event, ToolFinished) and event.call_id == call_id


async def test_always_is_for_all_later_calls_of_the_tool(server: Server) -> None:
    server.script(TWO, calls("delete", path="c"), says("Done."))
    events = await play(open_source(server), Answers(Approval(True, always=True)))
    decisions = [(each.by, each.reason) for each in pick(events, ApprovalGiven)]
    assert decisions == [("user", IN_THIS_CHAT), *[("rule", IN_THIS_CHAT)] * 2]


async def test_rules_decide_without_asking(server: Server) -> None:
    server.script(calls("delete", path="a") + calls("read", path="b"), says("Done."))
    rules = Rules(file=[Rule("delete", "deny", "no delete"), Rule("r*", "allow", "all r")])
    agent = open_agent(server, tools=[delete, read])
    events = await play(ExecutorSource(agent, policy=RulePolicy(rules)), Answers())
    assert not pick(events, ApprovalRequested)
    given = {each.call_id: (each.approved, each.reason) for each in pick(events, ApprovalGiven)}
    assert given == {"call_delete": (False, "no delete"), "call_read": (True, "all r")}
    assert results(server) == ["Error: not run: denied by no delete", "b is here"]


async def test_the_built_in_arithmetic_needs_no_events(server: Server) -> None:
    server.script(calls("add", x=1, y=2), says("3."))
    source = ExecutorSource(open_agent(server), Toolbox(safe=["add"]), RulePolicy())
    assert not pick(await play(source, None), ApprovalRequested, ApprovalGiven)
    assert results(server) == ["3"]


async def test_a_rule_for_no_tool_is_told_once(server: Server) -> None:
    server.script(says("Hi."), says("Hi."))
    source = ExecutorSource(open_agent(server, tools=[delete]), policy=allow("delte"))
    (notice,) = pick(await play(source, None), Notice)
    assert notice.text == "--allow delte: no such tool; did you mean delete?"
    assert not pick(await play(source, None), Notice)


async def test_where_nobody_can_be_asked_a_call_is_refused(server: Server) -> None:
    server.script(calls("delete", path="a"), says("I could not."))
    events = await play(open_source(server), None)
    (asked,), (given,) = pick(events, ApprovalRequested), pick(events, ApprovalGiven)
    assert asked.name == "delete"
    assert (given.approved, given.by, given.reason) == (False, "rule", "nobody to ask")
    assert results(server) == ["Error: not run: nobody can be asked to approve it"]
    assert find_unasked(fold(events)) == ["delete"]


async def test_no_decision_stops_the_turn(server: Server) -> None:
    server.script(calls("delete", path="a"))
    events = await play(open_source(server), Answers(None))
    assert isinstance(events[-1], TurnCancelled)
    assert not pick(events, ToolStarted)


async def test_a_question_with_the_view_paused(server: Server) -> None:
    server.script(calls("delete", path="a"), says("Done."))
    await play(open_source(server), Answers(Approval(True), pauses=True))
    assert results(server) == ["a is gone"]


async def test_a_secret_that_the_user_has_not_seen_survives_the_edit(server: Server) -> None:
    server.script(calls("copy", name="sk-secret", to=["a", "sk-secret"]), says("Done."))
    edited = {"name": "sk-***", "to": ["b", "sk-***"]}
    answers = Answers(Approval(True, arguments=edited))
    source = open_source(server, copy, redactor=Redactor(["sk-secret"]))
    events = await play(source, answers)
    assert answers.asked[0][0].arguments == {"name": "sk-***", "to": ["a", "sk-***"]}
    (result,) = results(server)
    assert result.endswith("\nsk-secret to b, sk-secret")
    assert "sk-secret" not in repr(events)


@pytest.mark.parametrize("to", [["sk-***"], ["a", "sk-*** and b"], ["a", "b", "sk-***"]])
async def test_what_stands_for_a_secret_never_reaches_a_tool(server: Server, to: list[str]) -> None:
    server.script(calls("copy", name="c", to=["a", "sk-secret"]), says("I see."))
    answers = Answers(Approval(True, arguments={"name": "c", "to": to}), Approval(False))
    source = open_source(server, copy, redactor=Redactor(["sk-secret"]))
    await play(source, answers)
    assert [problem for _, problem in answers.asked] == [
        "",
        "sk-*** stands for a secret: keep that text as it was, or replace all of it",
    ]
    assert results(server) == ["Error: not run: the user refused it"]


async def test_a_tool_that_the_user_cancels(server: Server) -> None:
    server.script(calls("sleep") + calls("delete", path="a"), says("All right."))
    run: list[Run] = []

    def cancel(event: Event) -> None:
        if is_result_of(event, "call_delete"):
            assert run[0].cancel_tools()
            assert not run[0].cancel_tools()

    source = ExecutorSource(open_agent(server, tools=[sleep, delete]), policy=allow("*"))
    view = Events(cancel)
    turn = await run_turn(source, REQUEST, view, InterruptHandler(), on_start=run.append)
    assert turn.answer.text == "All right."
    slept, deleted = results(server)
    assert slept.startswith("Error: cancelled by the user")
    assert deleted == "a is gone"


class TestOfAProgram:
    async def test_approves_or_refuses(self, server: Server) -> None:
        server.script(TWO, says("Done."))

        async def approve(requested: ApprovalRequested) -> Approval | bool:
            return requested.arguments["path"] == "a" or Approval(False, "not that one")

        events = await collect_events(open_agent(server, tools=[delete], approve=approve))
        assert [each.by for each in pick(events, ApprovalGiven)] == ["program"] * 2
        refused = "Error: not run: the program refused it: not that one"
        assert results(server) == ["a is gone", refused]

    async def test_that_edits(self, server: Server) -> None:
        server.script(calls("delete", path="a"), says("Done."))

        async def approve(requested: ApprovalRequested) -> Approval:
            return Approval(True, arguments={"path": "b"})

        await collect_events(open_agent(server, tools=[delete], approve=approve))
        assert results(server)[0].endswith("\nb is gone")

    @pytest.mark.parametrize("answer", [None, "yes", Approval(True, arguments={"file": "b"})])
    async def test_with_an_answer_that_is_none(self, server: Server, answer: Any) -> None:
        server.script(calls("delete", path="a"), says("Done."))

        async def approve(requested: ApprovalRequested) -> Any:
            return answer

        events = await collect_events(open_agent(server, tools=[delete], approve=approve))
        assert not pick(events, ToolStarted)
        assert results(server)[0].startswith("Error: ")

    async def test_that_fails(self, server: Server) -> None:
        server.script(calls("delete", path="a"), says("Done."))

        async def approve(requested: ApprovalRequested) -> bool:
            raise RuntimeError("no network")

        events = await collect_events(open_agent(server, tools=[delete], approve=approve))
        assert not pick(events, ToolStarted)
        assert results(server) == ["Error: RuntimeError: no network"]


async def refuse(
    source: ExecutorSource, call_id: str, answers: Answers | None = None
) -> tuple[Turn, list[Event]]:
    """Play a turn in which the user refuses a call once some of its arguments are there."""
    run: list[Run] = []

    def refuse_call(event: Event) -> None:
        if isinstance(event, ArgumentsDelta) and event.call_id == call_id:
            assert run[0].refuse_arriving()

    turn = await run_turn(
        *(source, REQUEST, view := Events(refuse_call), InterruptHandler()),
        ask_approval=answers,
        on_start=run.append,
    )
    assert not run[0].refuse_arriving()
    return turn, view.events


async def test_a_call_that_arrives_is_refused_while_the_server_is_silent(server: Server) -> None:
    begun = calls("delete", path="old.txt", id="a") + calls("delete", ['{"pa'], id="b")
    server.script(begun.but(parts=(*begun.parts, NEVER)), says("All right."))
    turn, events = await refuse(open_source(server, timeout=30), "b", Answers(Approval(True)))
    assert turn.answer.text == "All right."
    assert server.disconnected.wait(300)
    assert results(server) == [
        "old.txt is gone",
        "Error: not run: the user refused the call before its arguments were complete",
    ]
    sent = server.requests[-1]["messages"][-3]["tool_calls"]
    assert [each["function"]["arguments"] for each in sent] == ['{"path": "old.txt"}', "{}"]
    (given,) = [each for each in pick(events, ApprovalGiven) if each.call_id == "b"]
    assert (given.approved, given.by) == (False, "user")


async def test_the_answer_is_no_call_to_refuse(server: Server) -> None:
    begun = calls("final_answer", ['{"answer": "It is'])
    server.script(begun.but(parts=(*begun.parts, NEVER)))
    run: list[Run] = []

    def stop(event: Event) -> None:
        if isinstance(event, ArgumentsDelta):
            assert not run[0].refuse_arriving()
            assert not run[0].cancel_tools()
            run[0].cancel()

    view = Events(stop)
    await run_turn(open_source(server), REQUEST, view, InterruptHandler(), on_start=run.append)
    assert isinstance(view.events[-1], TurnCancelled)


async def test_a_call_that_arrives_from_anthropic_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ANTHROPIC.point_to(server).items():
        monkeypatch.setenv(name, value)
    begun = ANTHROPIC.call_without_end("delete", '{"pa', 'th": "')
    server.script(begun.but(parts=(*begun.parts, NEVER)), ANTHROPIC.answer("All right."))
    agent = AgentExecutor(open_model(Settings(model=ANTHROPIC.model, timeout=30)), [delete])
    turn, _ = await refuse(ExecutorSource(agent, policy=RulePolicy()), "toolu_delete")
    await agent.aclose()
    assert turn.answer.text == "All right."
    call, result = server.requests[-1]["messages"][-2:]
    (used,) = call["content"]
    assert used == {"type": "tool_use", "id": "toolu_delete", "name": "delete", "input": {}}
    assert "refused the call" in json.dumps(result["content"])
