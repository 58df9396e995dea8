"""Requests send back the extra fields of messages, and omit what a server refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from streamchat.models.request_format import RequestFormat
from streamchat.models.wire.extras import join_fields
from tests.agents import close_agents, collect_events, open_agent, play_turn, sent_messages
from tests.server import Reply, Server, answers, call_delta, calls, delta, fails

ADD = '{"x": 10, "y": 10}'


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await close_agents()


def assistant(server: Server, request: int = -1) -> dict[str, Any]:
    """Return the model's message in a request."""
    (found,) = (each for each in sent_messages(server, request) if each["role"] == "assistant")
    return found


def signed_call(**fields: Any) -> Reply:
    """A call of add with further fields."""
    chunk = call_delta(id="a", name="add", arguments=ADD)
    chunk["choices"][0]["delta"]["tool_calls"][0] |= fields
    return Reply((chunk,), finish_reason="tool_calls")


SIGNATURE = {"google": {"thought_signature": "EpwCCpkCAXLI2nz"}}


class TestFieldsThatGoBack:
    async def test_fields_of_a_call_are_sent_back(self, server: Server) -> None:
        turn = await play_turn(server, signed_call(extra_content=SIGNATURE), answers("20"))
        (call,) = assistant(server)["tool_calls"]
        assert call["extra_content"] == SIGNATURE
        assert call["function"] == {"name": "add", "arguments": ADD}
        assert turn.answer.text == "20"

    async def test_fields_of_a_function_are_sent_back(self, server: Server) -> None:
        chunk = call_delta(id="a", name="add", arguments=ADD)
        function = chunk["choices"][0]["delta"]["tool_calls"][0]["function"]
        function["thought_signature"] = "Epw"
        await play_turn(server, Reply((chunk,), finish_reason="tool_calls"), answers("20"))
        (call,) = assistant(server)["tool_calls"]
        assert call["function"] == {"name": "add", "arguments": ADD, "thought_signature": "Epw"}

    async def test_fields_of_several_calls_are_sent_back(self, server: Server) -> None:
        second = call_delta(1, id="b", name="add", arguments=ADD)
        second["choices"][0]["delta"]["tool_calls"][0]["extra_content"] = {"b": 1}
        first = signed_call(extra_content={"a": 1})
        await play_turn(server, first.but(parts=(*first.parts, second)), answers("20"))
        one, two = assistant(server)["tool_calls"]
        assert (one["extra_content"], two["extra_content"]) == ({"a": 1}, {"b": 1})

    async def test_fields_of_a_message_are_sent_back(self, server: Server) -> None:
        details = [
            {"type": "reasoning.text", "index": 0, "text": "10 and ", "signature": None},
            {"type": "reasoning.text", "index": 0, "text": "10.", "signature": "sig"},
            {"type": "reasoning.encrypted", "index": 1, "data": "xyz"},
        ]
        parts = (
            delta(role="assistant", content="", reasoning_content="I \ud83d"),
            delta(reasoning_content="\ude00 add.", annotations=[], audio=None),
            *(delta(reasoning_details=[each]) for each in details),
            *calls("add", [ADD]).parts,
        )
        await play_turn(server, Reply(parts, finish_reason="tool_calls"), answers("20"))
        message = assistant(server)
        assert message["reasoning_content"] == "I 😀 add."
        assert message["reasoning_details"] == [
            {"type": "reasoning.text", "index": 0, "text": "10 and 10.", "signature": "sig"},
            {"type": "reasoning.encrypted", "index": 1, "data": "xyz"},
        ]
        assert message.keys() == {
            *("role", "content", "tool_calls", "reasoning_content", "reasoning_details")
        }

    async def test_fields_are_sent_back_only_within_the_turn(self, server: Server) -> None:
        agent = open_agent(server)
        server.script(signed_call(extra_content=SIGNATURE), answers("20"), answers("21"))
        await collect_events(agent)
        await collect_events(agent)
        assert assistant(server) == {"role": "assistant", "content": "20"}


class TestRefusals:
    @pytest.mark.parametrize(
        "complaint",
        [
            "messages.2.tool_calls.0.extra_content: Extra inputs are not permitted",
            "property 'extra_content' is unsupported",
            "Unrecognized request argument supplied",
            "Additional properties are not allowed",
        ],
    )
    async def test_a_refused_field_of_a_call_is_omitted_from_then_on(
        self, server: Server, complaint: str
    ) -> None:
        turn = await play_turn(
            server,
            signed_call(extra_content=SIGNATURE),
            fails(400, complaint),
            signed_call(extra_content=SIGNATURE).but(),
            answers("20"),
        )
        assert turn.answer.text == "20"
        assert len(server.requests) == 4
        for request in (2, 3):
            sent = [each for each in sent_messages(server, request) if each["role"] == "assistant"]
            assert all("extra_content" not in each["tool_calls"][0] for each in sent)

    async def test_a_refused_field_of_a_message_is_omitted(self, server: Server) -> None:
        first = calls("add", [ADD])
        thinks = first.but(parts=(delta(reasoning_content="Hm."), *first.parts))
        refuses = fails(400, "reasoning_content is not allowed")
        turn = await play_turn(server, thinks, refuses, answers("20"))
        assert turn.answer.text == "20"
        assert assistant(server, 1)["reasoning_content"] == "Hm."
        assert "reasoning_content" not in assistant(server)

    @pytest.mark.parametrize(
        "complaint",
        [
            "body.messages.2.content: Input should be a valid string",
            "content must not be null",
            "Missing required field: content",
        ],
    )
    async def test_refused_null_content_becomes_an_empty_string(
        self, server: Server, complaint: str
    ) -> None:
        turn = await play_turn(server, calls("add", [ADD]), fails(422, complaint), answers("20"))
        assert turn.answer.text == "20"
        assert assistant(server, 1)["content"] is None
        assert assistant(server)["content"] == ""

    @pytest.mark.parametrize(
        "complaint",
        [
            "System role not supported",
            "system message is not supported by this model",
            "Invalid role: system is not a valid role, unsupported",
            "Only user and assistant roles are supported!",
            "Conversation roles must alternate user/assistant/user/assistant/...",
        ],
    )
    async def test_a_refused_system_role_moves_instructions_to_the_question(
        self, server: Server, complaint: str
    ) -> None:
        turn = await play_turn(server, fails(400, complaint), calls("add", [ADD]), answers("20"))
        assert turn.answer.text == "20"
        system, question = sent_messages(server, 0)
        for request in (1, 2):
            first = sent_messages(server, request)[0]
            text = f"{system['content']}\n\n{question['content']}"
            assert first == {"role": "user", "content": text}

    async def test_a_change_that_did_not_help_is_not_kept(self, server: Server) -> None:
        agent = open_agent(server)
        server.script(*[fails(400, "System role not supported")] * 2, answers("20"))
        await collect_events(agent)
        await collect_events(agent)
        assert sent_messages(server)[0]["role"] == "system"

    @pytest.mark.parametrize(
        "complaint",
        [
            "maximum context length exceeded",
            "content policy violation",
            "After the optional system message, conversation roles must alternate user/assistant",
            "temperature must be a number",
        ],
    )
    def test_other_complaints_change_nothing(self, complaint: str) -> None:
        sent = [
            {"role": "system", "content": "Be brief."},
            {"role": "assistant", "content": None, "tool_calls": [], "reasoning_content": "Hm."},
        ]
        assert RequestFormat().adapt(complaint.lower(), sent) is None


def test_list_items_without_an_index_are_not_merged() -> None:
    joined: dict[str, Any] = {}
    for piece in ({"d": [{"text": "a"}]}, {"d": [{"text": "b"}]}, {"d": ["c"]}, {"d": None}):
        joined = join_fields(joined, piece)
    assert joined == {"d": [{"text": "a"}, {"text": "b"}, "c"]}
