"""Decoding chunks: what servers send, and the events they become."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk

from streamchat.agent.control import TurnControl
from streamchat.agent.decoder import ChunkDecoder, merge_chunks, to_chunk_received
from streamchat.agent.reply import Call, Reply
from streamchat.agent.watchdog import Watchdog
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCallStarted,
)
from streamchat.models.wire.extras import LINE_FIELD
from streamchat.models.wire.strict_chunk import to_generation_chunk
from streamchat.text.surrogates import join_surrogates

ADD, MULTIPLY = '{"x": 1, "y": 2}', '{"x": 3, "y": 4}'


def text(content: Any, **metadata: Any) -> AIMessageChunk:
    return AIMessageChunk(content, response_metadata=metadata)


def part(
    index: int | None = 0, id: str | None = None, name: str | None = None, args: str = ""
) -> AIMessageChunk:
    piece = {"index": index, "id": id, "name": name, "args": args, "type": "tool_call_chunk"}
    return AIMessageChunk("", tool_call_chunks=[piece])


def decode(
    *messages: AIMessage, taken_ids: set[str] | None = None, **options: Any
) -> tuple[list[Event], Reply]:
    decoder = ChunkDecoder(taken_ids=taken_ids, **options)
    events = [event for message in messages for event in decoder.feed(message)]
    rest, reply = decoder.finish()
    return events + rest, reply


def calls(*messages: AIMessage) -> list[tuple[str, str]]:
    _, reply = decode(*messages)
    return [(call.name, call.arguments) for call in reply.calls]


def test_fragments_are_events_in_the_order_they_came() -> None:
    events, reply = decode(
        text("Let me "),
        part(id="a", name="add"),
        part(args='{"x": 1,'),
        text("see."),
        part(args=' "y": 2}'),
        text("", finish_reason="tool_calls"),
    )
    assert events == [
        TextDelta("Let me "),
        ToolCallStarted("a", "add"),
        ArgumentsDelta("a", '{"x": 1,'),
        TextDelta("see."),
        ArgumentsDelta("a", ' "y": 2}'),
    ]
    assert reply == Reply("Let me see.", (Call("a", "add", ADD),), "tool_calls")


def test_the_answer_streams_out_of_final_answer() -> None:
    events, reply = decode(
        part(id="a", name="final_answer"),
        part(args='{"answer": "It is'),
        part(args=' 20.", "tools_used": []}'),
    )
    assert [event for event in events if isinstance(event, AnswerDelta)] == [
        AnswerDelta("It is", "a"),
        AnswerDelta(" 20.", "a"),
    ]
    assert reply.calls[0].answers


def test_the_first_complete_answer_ends_the_message() -> None:
    whole = '{"answer": "%s"}'
    events, reply = decode(
        part(0, "a", "final_answer", whole % "yes"),
        text("", finish_reason="tool_calls"),
        part(1, "b", "final_answer", whole % "no"),
    )
    assert [event.text for event in events if isinstance(event, AnswerDelta)] == ["yes"]
    assert [call.call_id for call in reply.calls] == ["a"]
    assert reply.finish_reason == "tool_calls"


def test_only_the_first_final_answer_of_a_message_streams() -> None:
    whole = '{"answer": "%s"}'
    events, reply = decode(
        part(0, "a", "final_answer", '{"answer": "'),
        part(1, "b", "final_answer", whole % "no"),
        part(0, args='yes"}'),
    )
    assert [event.text for event in events if isinstance(event, AnswerDelta)] == ["yes"]
    assert [call.answers for call in reply.calls] == [True, False]


@pytest.mark.parametrize(
    ("after", "overran"),
    [
        ([text("")], False),
        ([text("\n")], False),
        ([part(args="\n")] * 5, False),
        ([part(args="\n")] * 50, True),
        ([part(args=" }")], True),
        ([part(args='{"answer"')], True),
        ([text("So")], True),
        ([part(1, "b", "add", "{")], True),
        ([part(1, "b", "final_answer")], False),
    ],
)
def test_a_model_that_goes_on_after_its_answer_overruns(
    after: Sequence[AIMessage], overran: bool
) -> None:
    decoder = ChunkDecoder()
    decoder.feed(part(0, "a", "final_answer", '{"answer": "yes"'))
    assert not decoder.answered
    decoder.feed(part(args="}"))
    assert decoder.answered
    for message in after:
        decoder.feed(message)
    assert decoder.overran is overran
    assert decoder.finish()[1].calls[0].arguments == '{"answer": "yes"}'


def test_what_follows_the_answer_in_its_chunk_is_not_read() -> None:
    chunk = part(0, "a", "final_answer", '{"answer": "yes"}')
    chunk.tool_call_chunks += part(1, "b", "add", ADD).tool_call_chunks
    decoder = ChunkDecoder()
    decoder.feed(chunk)
    assert decoder.overran
    assert [call.name for call in decoder.finish()[1].calls] == ["final_answer"]


def test_a_whole_message_after_the_answer_adds_nothing() -> None:
    whole = part(0, "a", "final_answer", '{"answer": "yes"}')
    decoder = ChunkDecoder()
    decoder.feed(whole)
    whole.response_metadata = {"whole_message": "yes"}
    assert decoder.feed(whole) == []
    assert not decoder.overran


def test_the_server_s_own_fields_are_kept_to_be_sent_back() -> None:
    chunks = [
        to_generation_chunk({"choices": [{"delta": {"reasoning_content": each}}]}).message
        for each in ("Hm", ".")
    ]
    assert decode(*chunks)[1].fields == {"reasoning_content": "Hm."}


def test_an_answer_may_be_followed_by_another_in_the_same_fragment() -> None:
    decoder = ChunkDecoder()
    decoder.feed(part(0, "a", "final_answer", '{"answer": "yes"}{"answer": "no"}'))
    assert decoder.overran
    assert decoder.finish()[1].calls[0].arguments == '{"answer": "yes"}'


def test_calls_that_the_answer_overtakes_are_read_to_their_end() -> None:
    assert calls(
        part(0, "a", "add", ADD[:5]),
        part(1, "b", "final_answer", '{"answer": "yes"}'),
        part(0, args=ADD[5:]),
    ) == [("add", ADD), ("final_answer", '{"answer": "yes"}')]


def test_without_tools_text_is_the_answer() -> None:
    events, _ = decode(text("Hello"), text_is_answer=True)
    assert events == [AnswerDelta("Hello")]


class TestServersThatDiffer:
    """Each of these has been seen; all mean the same two calls."""

    BOTH: ClassVar = [("add", ADD), ("multiply", MULTIPLY)]

    def test_calls_as_documented(self) -> None:
        assert (
            calls(
                part(0, "a", "add"),
                part(0, args=ADD[:5]),
                part(0, args=ADD[5:]),
                part(1, "b", "multiply"),
                part(1, args=MULTIPLY),
            )
            == self.BOTH
        )

    def test_interleaved(self) -> None:
        assert (
            calls(
                part(0, "a", "add", ADD[:5]),
                part(1, "b", "multiply", MULTIPLY[:7]),
                part(0, args=ADD[5:]),
                part(1, args=MULTIPLY[7:]),
            )
            == self.BOTH
        )

    def test_both_calls_in_one_chunk(self) -> None:
        whole = AIMessageChunk(
            "",
            tool_call_chunks=[
                {"index": 0, "id": "a", "name": "add", "args": ADD},
                {"index": 1, "id": "b", "name": "multiply", "args": MULTIPLY},
            ],
        )
        assert calls(whole) == self.BOTH

    def test_indexes_start_at_one(self) -> None:
        assert calls(part(1, "a", "add", ADD), part(2, "b", "multiply", MULTIPLY)) == self.BOTH

    def test_no_index(self) -> None:
        assert (
            calls(
                part(None, "a", "add", ADD[:5]),
                part(None, args=ADD[5:]),
                part(None, "b", "multiply", MULTIPLY[:5]),
                part(None, args=MULTIPLY[5:]),
            )
            == self.BOTH
        )

    def test_index_always_zero(self) -> None:
        assert (
            calls(
                part(0, "a", "add"),
                part(0, args=ADD),
                part(0, "b", "multiply"),
                part(0, args=MULTIPLY),
            )
            == self.BOTH
        )

    def test_index_always_zero_and_no_ids(self) -> None:
        assert calls(part(0, None, "add", ADD), part(0, "", "multiply", MULTIPLY)) == self.BOTH

    def test_neither_index_nor_ids(self) -> None:
        assert (
            calls(part(None, None, "add", ADD), part(None, None, "multiply", MULTIPLY)) == self.BOTH
        )

    def test_index_always_zero_interleaved_by_id(self) -> None:
        assert (
            calls(
                part(0, "a", "add", ADD[:5]),
                part(0, "b", "multiply", MULTIPLY[:7]),
                part(0, "a", args=ADD[5:]),
                part(0, "b", args=MULTIPLY[7:]),
            )
            == self.BOTH
        )

    def test_id_and_name_in_every_fragment(self) -> None:
        assert (
            calls(
                *(part(0, "a", "add", piece) for piece in (ADD[:5], ADD[5:], "")),
                *(part(1, "b", "multiply", piece) for piece in (MULTIPLY[:5], MULTIPLY[5:], "")),
            )
            == self.BOTH
        )

    def test_name_in_every_fragment_and_nothing_else(self) -> None:
        assert (
            calls(
                *(part(None, None, "add", piece) for piece in (ADD[:5], ADD[5:], "")),
                *(part(None, None, "multiply", piece) for piece in (MULTIPLY[:5], MULTIPLY[5:])),
            )
            == self.BOTH
        )

    def test_a_new_id_for_every_fragment(self) -> None:
        assert (
            calls(
                part(0, "a", "add", ADD[:5]),
                part(0, "b", args=ADD[5:]),
                part(1, "c", "multiply", MULTIPLY[:5]),
                part(1, "d", args=MULTIPLY[5:]),
            )
            == self.BOTH
        )

    def test_one_id_for_all_calls(self) -> None:
        _, reply = decode(
            part(0, "same", "add"),
            part(0, "same", args=ADD),
            part(1, "same", "multiply"),
            part(1, args=MULTIPLY),
        )
        assert [(call.name, call.arguments) for call in reply.calls] == self.BOTH
        assert [call.call_id for call in reply.calls] == ["same", "same_1"]

    def test_the_same_tool_twice_with_identical_headers(self) -> None:
        assert calls(
            part(0, None, "add"), part(0, args=ADD), part(0, None, "add"), part(0, args=MULTIPLY)
        ) == [("add", ADD), ("add", MULTIPLY)]

    def test_a_late_name(self) -> None:
        events, reply = decode(
            part(0, "a"), part(0, args=ADD[:5]), part(0, name="add"), part(0, args=ADD[5:])
        )
        assert events == [
            ToolCallStarted("a", "add"),
            ArgumentsDelta("a", ADD[:5]),
            ArgumentsDelta("a", ADD[5:]),
        ]
        assert reply.calls == (Call("a", "add", ADD),)

    def test_a_missing_name(self) -> None:
        assert calls(part(0, "a", args=ADD)) == [("", ADD)]

    def test_a_new_index_without_a_name_continues_the_last_call(self) -> None:
        assert calls(part(0, "a", "add", ADD[:5]), part(1, args=ADD[5:])) == [("add", ADD)]

    def test_text_after_whole_arguments_stays_with_them(self) -> None:
        assert calls(part(0, "a", "add", ADD), part(0, args=" }")) == [("add", ADD + " }")]

    def test_the_usage_chunk_and_the_last_empty_one(self) -> None:
        _, reply = decode(
            text("hi", finish_reason="stop"),
            AIMessageChunk(
                "", usage_metadata={"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}
            ),
            text(""),
        )
        assert (reply.input_tokens, reply.output_tokens) == (5, 1)
        assert reply.finish_reason == "stop"

    def test_a_finish_reason_that_means_cut_off_is_kept(self) -> None:
        _, reply = decode(text("hi", finish_reason="length"), text("", finish_reason="stop"))
        assert reply.cut_off

    def test_a_name_and_a_new_id_in_every_fragment(self) -> None:
        fragments = ('{"x": 1', ', "y"', ": 2}")
        parts = [part(0, f"id{at}", "add", each) for at, each in enumerate(fragments)]
        assert calls(*parts) == [("add", ADD)]

    def test_a_call_without_a_name_is_one(self) -> None:
        assert calls(
            part(0, "a", "add", ADD), part(1, "b", None, MULTIPLY), part(2, "c", "add", ADD)
        ) == [("add", ADD), ("", MULTIPLY), ("add", ADD)]

    def test_reasoning_and_refusals(self) -> None:
        events, reply = decode(
            AIMessageChunk("", additional_kwargs={"reasoning_content": "h\ud83d"}),
            AIMessageChunk("", additional_kwargs={"reasoning_content": "\ude00\ud83d"}),
            AIMessageChunk("", additional_kwargs={"refusal": "I will "}),
            AIMessageChunk("", additional_kwargs={"refusal": "not."}),
        )
        assert events == [ReasoningDelta("h"), ReasoningDelta("😀"), ReasoningDelta("\ud83d")]
        assert (reply.text, reply.refusal) == ("", "I will not.")

    @pytest.mark.parametrize("name", ["finish_reason", "stop_reason", "done_reason"])
    def test_why_a_message_ended_has_several_names(self, name: str) -> None:
        assert decode(text("hi", **{name: "length"}))[1].cut_off

    def test_a_line_of_code_comes_before_its_calls(self) -> None:
        code = [AIMessageChunk("", additional_kwargs={LINE_FIELD: each}) for each in ("1 ", "+ 2")]
        events, reply = decode(*code, part(0, "a", "add", ADD), text("", finish_reason="stop"))
        assert events == [
            *(CodeDelta("1 "), CodeDelta("+ 2")),
            *(ToolCallStarted("a", "add"), ArgumentsDelta("a", ADD)),
        ]
        assert (reply.text, reply.fields) == ("", {LINE_FIELD: "1 + 2"})
        assert to_chunk_received(code[1]) == ChunkReceived("+ 2", ())

    def test_a_whole_message_adds_what_its_deltas_lacked(self) -> None:
        thought = {"reasoning_content": "Hm"}
        whole = AIMessageChunk(
            "<think>So.</think>Hello.",
            additional_kwargs={"reasoning_content": "Hm."},
            response_metadata={"whole_message": "yes"},
            tool_call_chunks=[*part(0, "a", "add", ADD).tool_call_chunks],
        )
        events, reply = decode(
            AIMessageChunk("", additional_kwargs=thought),
            text("<think>So.</think>Hel"),
            part(0, "a", "add", ADD[:5]),
            whole,
            whole,
        )
        assert events == [
            *(ReasoningDelta("Hm"), ReasoningDelta("So."), TextDelta("Hel")),
            *(ToolCallStarted("a", "add"), ArgumentsDelta("a", ADD[:5])),
            *(ReasoningDelta("."), TextDelta("lo."), ArgumentsDelta("a", ADD[5:])),
        ]
        assert (reply.text, reply.calls) == ("Hello.", (Call("a", "add", ADD),))

    def test_a_whole_message_replaces_text_that_differs(self) -> None:
        events, reply = decode(text("Jello"), text("<think>Hm.</think>Hello.", whole_message="yes"))
        assert (events, reply.text) == ([TextDelta("Jello")], "Hello.")

    def test_a_whole_message_cannot_change_arguments_that_were_shown(self) -> None:
        whole = part(0, "a", "add", MULTIPLY)
        whole.response_metadata = {"whole_message": "yes"}
        assert calls(part(0, "a", "add", ADD[:7]), whole) == [("add", ADD[:7])]
        assert calls(part(0, "a", "add", ADD), whole) == [("add", ADD)]

    def test_a_whole_message_may_bring_a_call_of_its_own(self) -> None:
        whole = part(0, "a", "add", ADD)
        whole.response_metadata = {"whole_message": "yes"}
        assert calls(text("Let me see."), whole) == [("add", ADD)]

    def test_a_stream_without_an_end_is_incomplete(self) -> None:
        assert decode(text("hi"), text("", stream_end="eof"), text(""))[1].broken_off
        assert not decode(text("hi"), text("", stream_end="done"))[1].broken_off
        assert not decode(text("hi", finish_reason="stop"), text("", stream_end="eof"))[
            1
        ].broken_off

    @pytest.mark.parametrize("bad", ["", "a b", "\x1b[2J", "é", "x" * 65])
    def test_an_id_that_cannot_be_sent_back_is_replaced(self, bad: str) -> None:
        _, reply = decode(part(id=bad, name="add", args=ADD))
        assert reply.calls[0].call_id == "call_1"

    def test_content_in_blocks(self) -> None:
        blocks = [{"type": "text", "text": "Hel"}, "lo", {"type": "image"}, {"text": 1}]
        assert decode(text(blocks))[1].text == "Hello"


@pytest.mark.parametrize("more", [" x", '{"answer": "no"}', "}"])
def test_what_follows_the_answer_is_ignored_wherever_it_is_split(more: str) -> None:
    start = [part(0, "a", "final_answer"), part(1, "b", "add")]
    whole = [part(0, args='{"answer": "yes"}' + more), part(1, args=ADD + more)]
    pieces = [part(0, args='{"answer": "yes"}'), *(part(0, args=each) for each in more)]
    pieces += [part(1, args=ADD), *(part(1, args=each) for each in more)]
    for message in (whole, pieces):
        events, reply = decode(*start, *message)
        assert [event.text for event in events if isinstance(event, AnswerDelta)] == ["yes"]
        assert [call.arguments for call in reply.calls] == ['{"answer": "yes"}', ADD]


def test_a_call_that_is_cut_off_is_not_complete() -> None:
    _, reply = decode(part(0, "a", "add", '{"x": 10, "y": 1'))
    assert not reply.calls[0].complete


def test_ids_are_unique_within_a_turn() -> None:
    taken = {"call_1"}
    _, reply = decode(part(0, "", "add", ADD), part(1, "call_1", "add", ADD), taken_ids=taken)
    assert [call.call_id for call in reply.calls] == ["call_2", "call_1_1"]
    assert taken == {"call_1", "call_2", "call_1_1"}


def test_a_whole_message_is_decoded_like_a_chunk() -> None:
    message = AIMessage(
        "Let me see.",
        tool_calls=[{"id": "a", "name": "add", "args": {"x": 1, "y": 2}}],
        invalid_tool_calls=[{"id": "b", "name": "add", "args": "{x", "error": None}],
    )
    assert calls(message) == [("add", ADD), ("add", "{x")]
    assert to_chunk_received(message) == ChunkReceived("Let me see.", tuple(message.tool_calls))


@given(
    st.lists(st.sampled_from(["add", "multiply", "final_answer"]), min_size=1, max_size=4),
    st.text(st.characters(codec=None), max_size=12),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=60),
)
def test_any_interleaving_of_any_fragments(
    names: Sequence[str], answer: str, cuts: Sequence[tuple[int, int]]
) -> None:
    wholes = [
        json.dumps({"answer": answer, "n": at}, ensure_ascii=False) for at in range(len(names))
    ]
    left = dict(enumerate(wholes))
    messages = [part(at, f"id{at}", name) for at, name in enumerate(names)]
    for which, size in [*cuts, *((at, 1000) for at in range(len(names)))]:
        if left.get(which):
            messages.append(part(which, args=left[which][:size]))
            left[which] = left[which][size:]
    events, reply = decode(*messages)
    for at, call in enumerate(reply.calls):
        shown = [
            e.fragment for e in events if isinstance(e, ArgumentsDelta) and e.call_id == f"id{at}"
        ]
        assert (
            "".join(shown)
            == call.arguments
            == wholes[at].encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        )
        assert call.name == names[at]
        assert call.complete
    said = "".join(e.text for e in events if isinstance(e, AnswerDelta))
    if "final_answer" in names:
        assert said == json.loads(reply.calls[names.index("final_answer")].arguments)["answer"]


def test_kept_chunks_merge_in_their_order() -> None:
    chunks = [text("N"), text("L"), text("P"), part(0, "a", "add", ADD[:5]), part(0, args=ADD[5:])]
    merged = merge_chunks(chunks)
    assert merged.content == "NLP"
    assert merged.tool_calls[0]["args"] == {"x": 1, "y": 2}
    assert merge_chunks(reversed(chunks[:3])).content == "PLN"
    with pytest.raises(ValueError, match="no chunks"):
        merge_chunks([])


def thinking(text: str) -> dict[str, Any]:
    """A block as Anthropic's models send it."""
    return {"type": "thinking", "thinking": text, "index": 0}


def summary(text: str) -> dict[str, Any]:
    """A block of OpenAI's Responses API."""
    part = {"type": "summary_text", "text": text, "index": 0}
    return {"type": "reasoning", "summary": [part], "index": 0}


def reasoning(text: str) -> dict[str, Any]:
    """A standard block of LangChain's."""
    return {"type": "reasoning", "reasoning": text, "index": 0}


def bedrock(text: str) -> dict[str, Any]:
    return {"type": "reasoning_content", "reasoning_content": {"text": text}}


@given(
    st.sampled_from([thinking, summary, reasoning, bedrock]),
    st.text(st.characters(codec=None), max_size=12),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.lists(st.integers(0, 12), max_size=8),
)
def test_reasoning_in_content_blocks_is_told_from_text_wherever_it_is_split(
    block: Callable[[str], dict[str, Any]], thought: str, said: str, cuts: Sequence[int]
) -> None:
    ends = [0, *sorted(cuts), None]
    pairs = list(itertools.pairwise(ends))
    signature = {"type": "thinking", "signature": "EqQB", "index": 0}
    events, reply = decode(
        *(text([block(thought[begin:end])]) for begin, end in pairs),
        text([signature, {"type": "redacted_thinking", "data": "EmwK"}]),
        *(text([{"type": "text", "text": said[begin:end], "index": 1}]) for begin, end in pairs),
    )
    shown = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert shown == join_surrogates(thought)
    assert reply.text == said


def test_whether_the_arguments_of_a_call_are_arriving() -> None:
    decoder = ChunkDecoder()
    assert not decoder.is_inside_call
    pieces = ("add", "", True), (None, '{"x": 1', True), (None, "}", False)
    for name, arguments, is_inside in pieces:
        decoder.feed(part(0, name=name, args=arguments))
        assert decoder.is_inside_call is is_inside
    decoder.feed(part(1, name="final_answer", args='{"answer": "'))
    assert not decoder.is_inside_call


def test_what_arrives_after_a_call_was_refused_neither_completes_it_nor_adds_another() -> None:
    decoder, control = ChunkDecoder(), TurnControl()
    with control.receive(decoder, Watchdog(30)):
        decoder.feed(part(0, id="a", name="delete", args='{"path"'))
        assert control.refuse_arriving()
        # The rest of the message may be here already.
        assert decoder.feed(part(0, args=': "old.txt"}')) == []
        assert decoder.feed(part(1, id="b", name="delete", args='{"path": "b"}')) == []
    calls = decoder.finish()[1].refuse_incomplete().calls
    assert [(each.call_id, each.refused) for each in calls] == [("a", True)]
