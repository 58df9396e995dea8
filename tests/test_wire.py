"""What servers send, split anywhere: events, bodies and chunks."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.models.wire import sse
from streamchat.models.wire.body import (
    BodyDecoder,
    ReportedError,
    UnreadableError,
    summarize_markup,
)
from streamchat.models.wire.normalize import has_content
from streamchat.models.wire.sse import EventDecoder, ServerEvent, TooLongError
from streamchat.models.wire.strict_chunk import to_generation_chunk
from tests.test_partial_json import split_at

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("choices", "delta", "message", "content", "tool_calls", "function", "index"),
                    *("id", "name", "arguments", "finish_reason", "usage", "text", "type", "role"),
                    *("reasoning", "prompt_tokens", "refusal", "function_call", "error"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def decode_events(*pieces: bytes) -> list[ServerEvent]:
    decoder = EventDecoder()
    found = [event for piece in pieces for event in decoder.feed(piece)]
    return [*found, *decoder.finish()]


def split_bytes(data: bytes, places: Sequence[int]) -> list[bytes]:
    text = data.decode("latin-1")
    return [piece.encode("latin-1") for piece in split_at(text, list(places))]


class TestEvents:
    """Server-sent events, as standardized and slightly broken."""

    @pytest.mark.parametrize(
        ("data", "found"),
        [
            (b"data: a\n\ndata: b\n\n", ["a", "b"]),
            (b"data:a\r\rdata:  b\r\r", ["a", " b"]),
            (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
            (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
            (b": ping\n\nid: 1\nretry: 5\ndata: a\n\n", ["a"]),
            (b"data: a\ndata: b\n\n", ["a\nb"]),
            (b"data\n\ndata:\n\n", []),
            (b"data: not ended", ["not ended"]),
            ("data: schön\n\n".encode(), ["schön"]),
            (b"data: \xff\n\n", ["\ufffd"]),
            (b"nonsense\n\n", []),
            (b'{"a": 1}\n\n', ['{"a": 1}']),
            (b"data: a\nerror: no\n\n", ["a", "no"]),
        ],
    )
    def test_forms(self, data: bytes, found: list[str]) -> None:
        assert [event.data for event in decode_events(data)] == found
        assert decode_events(*(data[at : at + 1] for at in range(len(data)))) == decode_events(data)

    def test_an_error_field_makes_an_event_of_that_type(self) -> None:
        assert decode_events(b"event: x\ndata: a\nerror: no\n\n") == [
            *(ServerEvent("x", "a"), ServerEvent("error", "no"))
        ]

    def test_lines_that_are_no_fields_are_kept(self) -> None:
        decoder = EventDecoder()
        assert list(decoder.feed(b"id: 7\nupstream timeout\nerror code: 524\n: x\n\n")) == []
        assert decoder.stray == ["upstream timeout", "error code: 524"]
        list(decoder.feed(b"x\n" * 1000))
        assert len(decoder.stray) == 100

    def test_an_event_type_applies_to_one_event(self) -> None:
        found = decode_events(b"event: error\ndata: a\n\ndata: b\n\n")
        assert found == [ServerEvent("error", "a"), ServerEvent("", "b")]

    @given(st.binary() | st.text("dat: \r\n\ufeff").map(str.encode), st.lists(st.integers(0, 40)))
    def test_any_split_gives_the_same_events(self, data: bytes, places: list[int]) -> None:
        assert decode_events(*split_bytes(data, places)) == decode_events(data)

    def test_an_endless_event_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sse, "MOST_BYTES", 100)
        with pytest.raises(TooLongError):
            decode_events(*[b"data: x"] * 20)
        assert len(decode_events(*[b"data: x\n\n"] * 200)) == 200


def decode_body(*pieces: bytes) -> list[Any]:
    body = BodyDecoder()
    found = [chunk for piece in pieces for chunk in body.feed(piece)]
    return [*found, *body.finish(), body.done]


class TestBodies:
    """A stream, a document, or something else."""

    @pytest.mark.parametrize(
        ("data", "found"),
        [
            (b'data: {"id": 1}\n\ndata: [DONE]\n\ndata: {"id": 2}\n\n', [{"id": 1}, True]),
            (b'data: {"id": 1}\n\ndata: {"b"', [{"id": 1}, False]),
            (b'data: {"id": 1}', [{"id": 1}, False]),
            (b'data:  \n\ndata:\ndata:\n\ndata: {"id": 1}\n\n', [{"id": 1}, False]),
            (b'data: {"id": 1}\ndata: [DONE]\n\n', [{"id": 1}, True]),
            (b'data: {"id": 1}\ndata: {"id": 2}\n\n', [{"id": 1}, {"id": 2}, False]),
            (b'data: {"id":\ndata: 1}\n\n', [{"id": 1}, False]),
            (b"data: null\n\ndata: [DONE]", [True]),
            (b'\xef\xbb\xbf\n {"id": 1}\n', [{"id": 1}, True]),
            (b'{"id": 1}\n{"id": 2}\n', [{"id": 1}, {"id": 2}, True]),
            (b'[{"id": 1}, {"id": 2}]', [{"id": 1}, {"id": 2}, True]),
            (b'data: {"a": ' + b"1" * 6_000 + b"}\n\ndata: [DONE]\n\n", [{"a": math.inf}, True]),
        ],
    )
    def test_forms(self, data: bytes, found: list[Any]) -> None:
        assert decode_body(data) == found
        assert decode_body(*(data[at : at + 1] for at in range(len(data)))) == found

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "it is empty"),
            (b"\n\n", "it is empty"),
            (b"Service unavailable", "not a chat completion: Service unavailable"),
            (b"data: {nonsense\n\n", "an event is not JSON: {nonsense"),
            (b"data: [1, 2]\n\n", "not a completion chunk: [1, 2]"),
            (b'{"a": ', "the JSON is incomplete"),
            (b"<html><title>Log\nin</title><p>x", "it is a web page (Log in); check the base URL"),
            (b"data: " + b"[" * 100_000 + b"\n\n", "an event is not JSON"),
        ],
    )
    def test_unreadable_bodies(self, data: bytes, words: str) -> None:
        with pytest.raises(UnreadableError) as raised:
            decode_body(data)
        assert words in str(raised.value)
        assert len(str(raised.value)) < 200

    @pytest.mark.parametrize(
        ("data", "body"),
        [
            (b'data: {"error": {"message": "no"}}\n\n', {"message": "no"}),
            (b'{"error": "no"}', "no"),
            (b"event: error\ndata: no\n\n", "no"),
            (b'event: error\ndata: {"detail": "no"}\n\n', {"detail": "no"}),
            (b'{"object": "error", "message": "no"}', {"object": "error", "message": "no"}),
            (b'data: {"id": 1}\n\nupstream timeout\n', "upstream timeout"),
            (b'data: {"id": 1}\n\nerror: no\n\n', "no"),
        ],
    )
    def test_reported_errors(self, data: bytes, body: object) -> None:
        with pytest.raises(ReportedError) as raised:
            decode_body(data)
        assert raised.value.body == body

    def test_a_complete_object_ends_the_body(self) -> None:
        body = BodyDecoder()
        whole = {"choices": [{"message": {"content": "}"}, "finish_reason": "stop"}]}
        found = [each for piece in json.dumps(whole) for each in body.feed(piece.encode())]
        assert (found, body.done) == ([whole], True)
        assert list(body.finish()) == []

    def test_an_endless_body_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("streamchat.models.wire.body.MOST_BYTES", 100)
        with pytest.raises(UnreadableError, match="the response is too long"):
            decode_body(*[b"{" * 60] * 2)

    def test_an_endless_event_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sse, "MOST_BYTES", 100)
        with pytest.raises(UnreadableError, match="an event is too long"):
            decode_body(b"data: " + b"x" * 200, b"x" * 200)

    @pytest.mark.parametrize(("data", "streams"), [(b"", 0), (b" data: {}", 1), (b" {", 0)])
    def test_a_stream_is_recognized(self, data: bytes, streams: bool) -> None:
        body = BodyDecoder()
        list(body.feed(data))
        assert body.is_stream == streams

    @given(st.lists(JSON, max_size=5), st.lists(st.integers(0, 200)), st.sampled_from("\n\r"))
    def test_any_json_in_any_split(self, values: list[Any], places: list[int], end: str) -> None:
        data = "".join(f"data: {json.dumps(value)}{end}{end}" for value in values).encode()
        try:
            found = decode_body(*split_bytes(data, places))
        except (UnreadableError, ReportedError):
            return
        for chunk in found[:-1]:
            to_generation_chunk(chunk)

    @pytest.mark.parametrize(
        "data",
        [
            b'{"choices": [{"finish_reason": "stop"}]}\n{"id": 2}\n',
            b'{"error": "no"}\n{"error": "yes"}',
            b'\xef\xbb\xbf{"id": 1}',
            b" " * 500 + b"Service unavailable",
            b"Service unavailable" + b", come back later" * 20,
        ],
    )
    def test_any_split_of_a_document_gives_the_same_result(self, data: bytes) -> None:
        def decode_in_pieces(size: int) -> tuple[list[Any], str]:
            body, found = BodyDecoder(), []
            try:
                for at in range(0, len(data), size):
                    found += [] if body.done else body.feed(data[at : at + size])
                found += body.finish()
            except (UnreadableError, ReportedError) as error:
                return found, str(error)
            return found, ""

        assert decode_in_pieces(1) == decode_in_pieces(2) == decode_in_pieces(len(data))

    def test_a_page_is_summarized(self) -> None:
        assert summarize_markup("<html><h1>Bad <b>Gateway</b></h1>nginx") == "Bad Gateway"
        assert summarize_markup("<script>x()</script><p>Too&nbsp;many &lt;b&gt;") == "Too many <b>"


def normalize(chunk: dict[str, Any]) -> Any:
    return to_generation_chunk(chunk).message


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"delta": fields}]}


class TestShapes:
    """Different forms of the same message."""

    @pytest.mark.parametrize(
        "chunk",
        [
            delta(content="hi"),
            delta(content=[{"type": "text", "text": "h"}, "i"]),
            {"choices": [7, None, {"delta": None, "message": {"content": "hi"}}]},
            delta(content=[{"type": "text", "text": {"value": "hi"}}, {"type": "image"}, 7]),
            {"choices": [{"message": {"content": "hi"}}]},
            {"choices": [{"text": "hi"}]},
        ],
    )
    def test_forms_of_text(self, chunk: dict[str, Any]) -> None:
        assert normalize(chunk).content == "hi"

    @pytest.mark.parametrize(
        "chunk",
        [
            delta(reasoning_content="hm"),
            delta(reasoning="hm", content=""),
            delta(thinking={"text": "hm"}),
            delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]),
            delta(content=[{"type": "reasoning", "text": "hm"}]),
        ],
    )
    def test_forms_of_reasoning(self, chunk: dict[str, Any]) -> None:
        message = normalize(chunk)
        assert message.content == ""
        assert message.additional_kwargs == {"reasoning_content": "hm"}

    @pytest.mark.parametrize(
        "fields",
        [
            {"tool_calls": [{"index": "0", "function": {"name": "add", "arguments": {"x": 1}}}]},
            {"tool_calls": {"index": 0, "function": {"name": "add", "arguments": '{"x": 1}'}}},
            {"function_call": {"name": "add", "arguments": '{"x": 1}'}},
        ],
    )
    def test_forms_of_calls(self, fields: dict[str, Any]) -> None:
        (call,) = normalize(delta(**fields)).tool_call_chunks
        assert (call["name"], json.loads(call["args"]), call["id"]) == ("add", {"x": 1}, None)

    @pytest.mark.parametrize(
        "fields",
        [
            {"refusal": "no"},
            {"refusal": [{"type": "refusal", "refusal": "no"}]},
            {"content": [{"type": "refusal", "refusal": "no"}]},
        ],
    )
    def test_forms_of_refusals(self, fields: dict[str, Any]) -> None:
        message = normalize(delta(**fields))
        assert (message.content, message.additional_kwargs) == ("", {"refusal": "no"})

    def test_a_call_in_both_forms_counts_once(self) -> None:
        function = {"name": "add", "arguments": "{}"}
        calls = [{"index": 0.0, "function": function}]
        (call,) = normalize(delta(tool_calls=calls, function_call=function)).tool_call_chunks
        assert call["index"] == 0

    def test_content_may_be_a_number(self) -> None:
        assert normalize(delta(content=42)).content == "42"
        assert normalize(delta(content=True)).content == ""

    def test_incomplete_calls(self) -> None:
        calls = [None, 7, {}, {"id": 7, "index": True, "function": {"arguments": None}}]
        empty, sparse = normalize(delta(tool_calls=calls)).tool_call_chunks
        assert (empty["name"], empty["args"], empty["id"], empty["index"]) == (None,) * 4
        assert (sparse["id"], sparse["index"], sparse["args"]) == ("7", None, None)

    def test_token_counts(self) -> None:
        usage = {"prompt_tokens": 3, "completion_tokens": None}
        assert normalize({"choices": [], "usage": usage}).usage_metadata["input_tokens"] == 3
        assert normalize({"usage": {"prompt_tokens": "many"}}).usage_metadata is None

    def test_chunks_with_and_without_content(self) -> None:
        assert has_content(delta(content="x"))
        assert has_content(delta(role="assistant", tool_calls=[{}]))
        assert not has_content(delta(role="assistant", content=""))
        assert not has_content({"choices": None})

    def test_arguments_that_were_cut_off_are_never_repaired(self) -> None:
        message = normalize(
            delta(tool_calls=[{"function": {"name": "add", "arguments": '{"x": 1'}}])
        )
        assert message.tool_calls == []
        assert message.invalid_tool_calls[0]["args"] == '{"x": 1'

    @given(JSON)
    def test_any_json_is_accepted(self, value: Any) -> None:
        if isinstance(value, dict):
            to_generation_chunk(value)
            has_content(value)
