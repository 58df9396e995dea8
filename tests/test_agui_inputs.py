"""What a client of AG-UI sends, as a request to a source."""

from __future__ import annotations

from typing import Any

import pytest

from streamchat.agent.source import Approval, ClientTool, EarlierCall, EarlierStep
from streamchat.serve.agui.history import InputError
from streamchat.serve.agui.inputs import can_answer, make_request, read_input
from streamchat.turn import ToolCall, fold
from tests.agui import make_input, user


def says(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def calls(*calls: tuple[str, str], text: str = "") -> dict[str, Any]:
    listed = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": '{"x": 1}'}}
        for id, name in calls
    ]
    return {"role": "assistant", "content": text, "toolCalls": listed}


def result(id: str, content: str, **fields: Any) -> dict[str, Any]:
    return {"role": "tool", "toolCallId": id, "content": content, **fields}


def request(*messages: dict[str, Any], **fields: Any) -> Any:
    return make_request(read_input(make_input(*messages, **fields)), fields.pop("own", ""))


def refusal(*messages: dict[str, Any], **fields: Any) -> str:
    with pytest.raises(InputError) as caught:
        request(*messages, **fields)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_last_message_is_the_question() -> None:
    seen = request(user("Hi"), says("Hello!"), user("How are you?"))
    assert seen.question == "How are you?"
    assert [(each.question, each.answer) for each in seen.history] == [("Hi", "Hello!")]
    assert (seen.questions, seen.thread_id) == (["Hi"], "t")


def test_the_answer_of_an_exchange_is_its_last_text() -> None:
    seen = request(
        *(user("10 + 10?"), calls(("c1", "add"), text="Let me see."), result("c1", "20")),
        *(says("It is 20."), user("Thanks")),
    )
    [exchange] = seen.history
    assert exchange.answer == "It is 20."
    call = fold(exchange.events).call("c1")
    assert isinstance(call, ToolCall)
    assert (call.name, call.fragments.text, call.output) == ("add", '{"x": 1}', "20")
    assert not seen.steps


def test_a_question_without_an_answer_is_no_exchange() -> None:
    seen = request(user("Hi"), user("Hello?"))
    assert (seen.question, seen.history, seen.questions) == ("Hello?", [], ["Hi"])


def test_system_messages_and_context_are_instructions() -> None:
    system = {"role": "system", "content": "Be brief."}
    developer = {"role": "developer", "content": "In French."}
    context = [{"description": "The user's name", "value": "Ada"}]
    input = read_input(make_input(system, developer, user("Hi"), context=context))
    expected = "Mine.\n\nBe brief.\n\nIn French.\n\nThe user's name: Ada"
    assert make_request(input, "Mine.").instructions == expected


def test_text_parts_are_joined_and_others_refused() -> None:
    text = [{"type": "text", "text": "Read"}, {"type": "text", "text": "this"}]
    assert request({"role": "user", "content": text}).question == "Read\n\nthis"
    image = {"type": "image", "source": {"type": "url", "value": "http://x/y.png"}}
    error = refusal({"role": "user", "content": [*text, image]})
    assert error == "messages: streamchat takes text only, not image"


def test_what_is_not_known_is_ignored() -> None:
    thought = {"role": "reasoning", "content": "Hm"}
    seen = request(thought, {**user("Hi"), "mood": "good"}, weather="fine", state={"a": 1})
    assert seen.question == "Hi"


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], "messages: there is no user message"),
        ([says("Hi")], "messages: there is no user message"),
        ([user("Hi"), says("Hello!")], "messages: the last one must be the user's, or a tool's"),
    ],
)
def test_there_must_be_a_question(messages: list[dict[str, Any]], error: str) -> None:
    assert refusal(*messages) == error


def test_what_is_no_input_is_told_in_one_line() -> None:
    for plain in (None, [], {"threadId": "t"}, {"threadId": 5, "runId": "r", "messages": [{}]}):
        with pytest.raises(InputError) as caught:
            read_input(plain)
        assert "\n" not in str(caught.value)


DELETE = calls(("c1", "delete"), ("c2", "add"))


def resume(*entries: tuple[str, Any], status: str = "resolved") -> dict[str, Any]:
    listed = [{"interruptId": id, "status": status, "payload": said} for id, said in entries]
    return {"resume": listed}


def test_a_turn_goes_on_with_a_decision() -> None:
    failed = {"metadata": {"streamchat": {"failed": True}}}
    said = resume(("c1", {"approved": True, "editedArgs": {"x": 2}}))
    seen = request(user("Go"), DELETE, result("c2", "broken", **failed), **said)
    assert seen.question == "Go"
    assert seen.steps == (
        EarlierStep(
            "",
            (
                EarlierCall("c1", "delete", '{"x": 1}'),
                EarlierCall("c2", "add", '{"x": 1}', "broken", failed=True),
            ),
        ),
    )
    assert seen.decisions == {"c1": Approval(True, arguments={"x": 2})}
    assert seen.postpones


def test_a_refusal_has_a_reason() -> None:
    said = resume(("c1", {"approved": False, "reason": "keep it"}))
    seen = request(user("Go"), DELETE, result("c2", "3"), **said)
    assert seen.decisions == {"c1": Approval(False, "keep it")}
    said = resume(("c1", None), status="cancelled")
    seen = request(user("Go"), DELETE, result("c2", "3"), **said)
    assert not seen.decisions["c1"].approved


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "messages: delete (c1) waits for approval: answer it in resume"),
        (resume(("c2", True)), "resume: an answer for delete (c1) is missing"),
        (
            resume(("c1", "yes")),
            'resume: c1: the payload must be {"approved": true} or {"approved": false}',
        ),
        (resume(("c1", {"approved": True, "editedArgs": 5})), "resume: c1: editedArgs must be"),
    ],
)
def test_all_calls_need_an_answer(fields: dict[str, Any], error: str) -> None:
    assert refusal(user("Go"), DELETE, **fields).startswith(error)


def test_results_of_the_clients_tools_continue_the_turn() -> None:
    tools = {"tools": [{"name": "add", "description": "Add."}]}
    seen = request(user("Go"), calls(("c2", "add")), result("c2", "3"), **tools)
    assert seen.steps[0].calls[0].result == "3"
    assert seen.client_tools == [ClientTool("add", "Add.", {"type": "object", "properties": {}})]
    error = refusal(user("Go"), calls(("c2", "add")), **tools)
    assert error == "messages: the result of the client's tool add (c2) is missing"


def test_answers_to_a_graph_need_no_call() -> None:
    said = resume(("4f-1", {"decisions": [{"type": "approve"}]}), ("4f-2", "red"))
    seen = request(user("Go"), DELETE, **said)
    assert seen.resume == {"4f-1": [{"type": "approve"}], "4f-2": "red"}


@pytest.mark.parametrize(
    ("fields", "can"),
    [
        ({}, False),
        ({"protocolVersion": "1.0"}, True),
        ({"protocolVersion": "new"}, False),
        ({"forwardedProps": {"streamchat": {"approve": True}}}, True),
        ({"forwardedProps": {"streamchat": {"approve": False}}, "protocolVersion": "1.0"}, False),
        ({"forwardedProps": "anything"}, False),
    ],
)
def test_a_client_shows_that_it_can_answer(fields: dict[str, Any], can: bool) -> None:
    assert can_answer(read_input(make_input(user("Hi"), **fields))) == can
