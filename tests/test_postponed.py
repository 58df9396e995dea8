"""Turns that stop where somebody must be asked, and go on in a later request."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool

from streamchat.agent.executor_source import ExecutorSource
from streamchat.agent.own_tools.toolbox import Toolbox
from streamchat.agent.source import Approval, ClientTool, EarlierCall, EarlierStep, Request
from streamchat.events import (
    ApprovalGiven,
    ApprovalRequested,
    Event,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
    TurnFailed,
)
from streamchat.text.redact import Redactor
from streamchat.tools import ARITHMETIC
from streamchat.tools.approval import Rule, RulePolicy, Rules
from tests.agents import close_agents, open_agent, sent_messages
from tests.plays import pick
from tests.server import Server, calls, says

RAN: list[str] = []
DELETE = EarlierCall("c1", "delete", '{"path": "a"}')
ADDED = EarlierCall("c2", "add", '{"x": 1, "y": 2}', "3")
WEATHER = ClientTool(
    "weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}}
)


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    RAN.clear()
    yield
    await close_agents()


@tool
def delete(path: str) -> str:
    """Delete a file."""
    RAN.append(path)
    return f"{path} is gone"


def open_source(server: Server, *rules: Rule, **options: Any) -> ExecutorSource:
    tools: list[BaseTool] = [*ARITHMETIC, delete]
    toolbox = Toolbox(tuple(tools), safe=["add"])
    agent = open_agent(server, tools=tools, **options)
    return ExecutorSource(agent, toolbox, RulePolicy(Rules(rules)))


async def play(source: ExecutorSource, **fields: Any) -> list[Event]:
    run = source.start(Request("Delete my notes", **{"postpones": True, **fields}))
    events = [event async for event in run]
    await run.aclose()
    return events


def goes_on(*calls: EarlierCall, **fields: Any) -> dict[str, Any]:
    return {"steps": [EarlierStep("", calls)], **fields}


async def test_a_postponed_call_ends_the_turn_after_the_others_have_run(server: Server) -> None:
    server.script(calls("delete", path="a") + calls("add", x=1, y=2, id="call_add"))
    events = await play(open_source(server))
    assert [each.name for each in pick(events, ApprovalRequested)] == ["delete"]
    assert not pick(events, ApprovalGiven)
    assert [(each.call_id, each.output) for each in pick(events, ToolFinished)] == [
        ("call_add", "3")
    ]
    assert not RAN
    end = events[-1]
    assert isinstance(end, TurnFailed)
    assert end.error == "the turn waits for the user: delete"


async def test_an_approved_call_runs_when_the_turn_goes_on(server: Server) -> None:
    server.script(says("Done."))
    fields = goes_on(DELETE, ADDED, decisions={"c1": Approval(True)})
    events = await play(open_source(server), **fields)
    assert RAN == ["a"]
    assert pick(events, ToolStarted) == [ToolStarted("c1", {"path": "a"})]
    assert pick(events, StepStarted) == [StepStarted(2)]
    done = events[-1]
    assert isinstance(done, TurnDone)
    assert (done.answer, done.tools_used) == ("Done.", ("delete", "add"))
    _, question, called, *results = sent_messages(server)
    assert question["content"] == "Delete my notes"
    assert [each["id"] for each in called["tool_calls"]] == ["c1", "c2"]
    assert [each["content"] for each in results] == ["a is gone", "3"]


async def test_the_model_hears_why_a_postponed_call_is_refused(server: Server) -> None:
    server.script(says("I see."))
    await play(open_source(server), **goes_on(DELETE, decisions={"c1": Approval(False, "no!")}))
    assert not RAN
    assert sent_messages(server)[-1]["content"] == "Error: not run: the user refused it: no!"


async def test_edited_arguments_are_checked(server: Server) -> None:
    server.script(says("Done."), says("Done."))
    source = open_source(server)
    for edited in ({"path": "b"}, {"file": "b"}):
        approval = Approval(True, arguments=edited)
        await play(source, **goes_on(DELETE, decisions={"c1": approval}))
    assert RAN == ["b"]
    assert "wrong arguments" in sent_messages(server)[-1]["content"]


async def test_a_decision_does_not_override_a_rule_that_denies(server: Server) -> None:
    server.script(says("I see."))
    source = open_source(server, Rule("delete", "deny", "--deny delete"))
    await play(source, **goes_on(DELETE, decisions={"c1": Approval(True)}))
    assert not RAN
    assert sent_messages(server)[-1]["content"] == "Error: not run: denied by --deny delete"


async def test_a_call_without_a_decision_waits_again(server: Server) -> None:
    events = await play(open_source(server), **goes_on(DELETE, ADDED))
    assert [each.call_id for each in pick(events, ApprovalRequested)] == ["c1"]
    assert isinstance(events[-1], TurnFailed)
    assert not server.requests


async def test_steps_of_earlier_requests_count(server: Server) -> None:
    server.script(calls("add", x=1, y=2))
    fields = goes_on(DELETE, decisions={"c1": Approval(True)})
    events = await play(open_source(server, max_steps=2), **fields)
    assert "no answer after 2 steps" in events[-1].error  # type: ignore[union-attr]


async def test_ids_of_earlier_calls_are_not_used_again(server: Server) -> None:
    server.script(calls("add", x=1, y=2, id="c1"), says("Done."))
    fields = goes_on(DELETE, decisions={"c1": Approval(True)})
    events = await play(open_source(server), **fields)
    assert [each.call_id for each in pick(events, ToolFinished)] == ["c1", "c1_1"]


async def test_what_a_client_sends_back_may_be_anything(server: Server) -> None:
    server.script(says("Done."))
    message = {"role": "system", "reasoning_content": "Hm"}
    kept = ("{", "[]", '{"call": 5}', json.dumps({"message": message, "other": {}}))
    each = [replace(ADDED, call_id=f"c{at}", kept=text) for at, text in enumerate(kept)]
    events = await play(open_source(server), **goes_on(*each))
    assert isinstance(events[-1], TurnDone)
    called = sent_messages(server)[2]
    assert (called["role"], called["reasoning_content"]) == ("assistant", "Hm")


async def test_a_call_with_a_secret_cannot_wait(server: Server) -> None:
    server.script(calls("delete", path="sk-very-secret"), says("I see."))
    redactor = Redactor()
    redactor.learn("sk-very-secret")
    events = await play(open_source(server, redactor=redactor))
    assert isinstance(events[-1], TurnDone)
    assert not pick(events, ApprovalRequested)
    assert "contain a secret" in sent_messages(server)[-1]["content"]


async def test_an_answer_that_nothing_has_asked_for_is_refused(server: Server) -> None:
    events = await play(open_source(server), resume={"x1": "yes"})
    assert "nothing was asked as x1" in events[-1].error  # type: ignore[union-attr]


async def test_a_client_runs_its_own_tools(server: Server) -> None:
    server.script(calls("weather", city="Rome"), says("Sunny."))
    source = open_source(server)
    events = await play(source, client_tools=[WEATHER])
    assert pick(events, ApprovalRequested) == [
        ApprovalRequested("call_weather", "weather", {"city": "Rome"})
    ]
    assert isinstance(events[-1], TurnFailed)
    offered = [each["function"]["name"] for each in server.requests[-1]["tools"]]
    assert {"weather", "delete", "final_answer"} <= set(offered)
    result = EarlierCall("call_weather", "weather", '{"city": "Rome"}', "sun")
    events = await play(source, client_tools=[WEATHER], **goes_on(result))
    assert isinstance(events[-1], TurnDone)
    assert sent_messages(server)[-1]["content"] == "sun"


async def test_wrong_arguments_for_a_clients_tool_are_told_to_the_model(server: Server) -> None:
    server.script(calls("weather", city=5), says("Sorry."))
    events = await play(open_source(server), client_tools=[WEATHER])
    assert isinstance(events[-1], TurnDone)
    assert "wrong arguments" in sent_messages(server)[-1]["content"]


async def test_a_clients_tool_cannot_take_the_name_of_another(server: Server) -> None:
    tool = ClientTool("delete", "", {"type": "object"})
    events = await play(open_source(server), client_tools=[tool])
    assert "two tools named delete" in events[-1].error  # type: ignore[union-attr]
