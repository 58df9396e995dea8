"""Streams of real servers that other clients have misread, as scenarios: data only."""

from __future__ import annotations

import json
from typing import Any

from tests.scenarios import (
    NEVER,
    NO_TOOLS,
    SUM,
    Scenario,
    expect_answer,
    expect_error,
    sends,
    sends_text,
)
from tests.server import Reply, answers, call_delta, delta, ends, says, whole

HALF = delta(content="Half of")
MARK = "[DONE]"


def event(value: Any, field: str = "data") -> bytes:
    """Return a server-sent event with a value as JSON."""
    return f"{field}: {json.dumps(value)}\n\n".encode()


def choice(**fields: Any) -> dict[str, Any]:
    """Return a chunk with one choice."""
    return {"choices": [{"index": 0, **fields}]}


def expect_cut_off(reason: str) -> Scenario:
    """Expect a finish reason that is not known to be good to mean that the text was cut off."""
    return expect_error(
        f"finish-reason-{reason}",
        Reply((HALF,), finish_reason=reason),
        error=("cut off", reason),
        partial="Half of",
        arguments=NO_TOOLS,
        requests=1,
    )


def expect_complete(reason: str) -> Scenario:
    """Expect a finish reason to mean that the text is complete."""
    return expect_answer(
        f"finish-reason-{reason}",
        Reply((delta(content="Whole."),), finish_reason=reason),
        answer="Whole.",
        arguments=NO_TOOLS,
    )


def expect_reported(name: str, *parts: Any, error: tuple[str, ...], partial: str = "") -> Scenario:
    """Expect an error that the server reports in a stream that it then ends normally."""
    return expect_error(
        f"error-{name}",
        Reply(parts, finish_reason=None),
        error=error,
        partial=partial,
        absent=("message was empty",),
        arguments=NO_TOOLS,
        requests=1,
    )


CONTEXT_SIZE = {"code": 500, "message": "Context size has been exceeded."}
TOO_LONG = CONTEXT_SIZE["message"]

FINISH_REASONS = (
    expect_cut_off("network_error"),
    expect_cut_off("model_context_window_exceeded"),
    expect_cut_off("guardrail_intervened"),
    expect_cut_off("something_new"),
    expect_error(
        "finish-reason-hostile",
        Reply((HALF,), finish_reason="stop\x1b[2J\u202e"),
        error=(r"stop\x1b[2J\u202e",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    expect_complete("end_turn"),
    expect_complete("eos"),
    expect_complete("stop_sequence"),
    expect_complete("COMPLETE"),
    expect_answer(
        "finish-reason-null-as-a-string",
        Reply(
            (
                *(choice(delta={"content": each}, finish_reason="null") for each in "Who"),
                choice(delta={"content": "le."}, finish_reason="stop"),
            ),
            finish_reason=None,
        ),
        answer="Whole.",
        arguments=NO_TOOLS,
    ),
)

REPORTED_ERRORS = (
    expect_reported(
        "field", HALF, event(CONTEXT_SIZE, "error"), error=(TOO_LONG,), partial="Half of"
    ),
    expect_reported("field-alone", event(CONTEXT_SIZE, "error"), error=(TOO_LONG,)),
    expect_reported(
        "field-as-text", HALF, b"error: it crashed\n\n", error=("it crashed",), partial="Half of"
    ),
    expect_error(
        "error-field-at-the-end",
        sends(HALF, b"error: it crashed"),
        error=("it crashed",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    expect_reported(
        "null-choices",
        HALF,
        event({"choices": None, "error_message": "it crashed"}),
        error=("it crashed",),
        partial="Half of",
    ),
    expect_reported(
        "detail", HALF, event({"detail": "it crashed"}), error=("it crashed",), partial="Half of"
    ),
    expect_reported(
        "code-and-msg",
        HALF,
        event({"code": 50, "msg": "it crashed"}),
        error=("it crashed",),
        partial="Half of",
    ),
    expect_reported(
        "status-message",
        event({"choices": None, "base_resp": {"status_code": 1008, "status_msg": "no balance"}}),
        error=("no balance",),
    ),
    expect_reported(
        "in-capitals",
        event({"Response": {"Error": {"Code": "Busy", "Message": "it crashed"}}}),
        error=("it crashed",),
    ),
    expect_reported(
        "in-a-choice",
        HALF,
        event(choice(delta={}, finish_reason="stop", error={"message": "upstream idle timeout"})),
        error=("upstream idle timeout",),
        partial="Half of",
    ),
    expect_reported(
        "in-a-choice-with-text",
        event(
            choice(
                delta={"content": "Half of"},
                finish_reason="stop",
                error={"message": "upstream idle timeout"},
            )
        ),
        error=("upstream idle timeout",),
        partial="Half of",
    ),
    expect_reported(
        "beside-a-choice",
        event(
            choice(delta={"content": "Half of"}, finish_reason="error") | {"error": CONTEXT_SIZE}
        ),
        error=(TOO_LONG,),
        partial="Half of",
    ),
    expect_reported(
        "with-details-outside",
        event({"error": "Internal Server Error", "message": "the GPU is gone"}),
        error=("the GPU is gone",),
    ),
    expect_error(
        "error-in-a-document",
        whole({"detail": "it crashed"}),
        error=("it crashed",),
    ),
    expect_error(
        "another-protocol",
        sends_text(*(event({"message": {"role": "assistant", "content": "Hi"}}).decode(),)),
        error=("not a chat completion", "{host}"),
    ),
)

PROXIES = (
    expect_error(
        "proxy-appends-text",
        sends(HALF, b"upstream request timeout\n"),
        error=("upstream request timeout",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    expect_error(
        "proxy-appends-text-with-a-colon",
        sends(HALF, b"error code: 524\n\n"),
        error=("error code: 524",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    expect_error(
        "proxy-appends-json",
        sends(HALF, b'{"error": {"message": "upstream is gone"}}\n'),
        error=("upstream is gone",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    expect_error(
        "proxy-appends-a-page",
        sends(HALF, b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n"),
        error=("502 Bad Gateway",),
        partial="Half of",
        absent=("<title",),
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "events-without-a-field-name",
        sends_text(
            event(delta(content="Hel")).decode(),
            json.dumps(delta(content="lo.")) + "\n\n",
            "data: [DONE]\n\n",
        ),
        answer="Hello.",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "custom-sse-fields",
        sends_text(
            "request-id: 7\n\n", event(delta(content="Hello.")).decode(), "data: [DONE]\n\n"
        ),
        answer="Hello.",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "keep-alive-events",
        sends_text(
            'event: ping\ndata: {"message": "still here"}\n\n',
            event(delta(content="Hello.")).decode(),
            "data: [DONE]\n\n",
        ),
        answer="Hello.",
        arguments=NO_TOOLS,
    ),
    expect_error(
        "finish-reason-in-camel-case",
        Reply((HALF, choice(delta={}, finishReason="MAX_TOKENS")), finish_reason=None),
        error=("cut off", "MAX_TOKENS"),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
)

FIRST = {"id": "a", "type": "function", "function": {"name": "add", "arguments": SUM}}
SECOND = {"id": "b", "type": "function", "function": {"name": "multiply", "arguments": SUM}}


def call_chunk(*calls: dict[str, Any]) -> dict[str, Any]:
    """Return a chunk with these fragments of calls."""
    return delta(tool_calls=list(calls))


def expect_both_calls(name: str, *chunks: dict[str, Any]) -> Scenario:
    """Expect chunks to call `add` and `multiply` with 1 and 2."""
    return expect_answer(
        f"calls-{name}",
        Reply(chunks, finish_reason="tool_calls"),
        answers("3 and 2."),
        answer="3 and 2.",
        results=("3", "2"),
        requests=2,
    )


CALLS = (
    expect_both_calls(
        "with-one-index", call_chunk(FIRST | {"index": 0}), call_chunk(SECOND | {"index": 0})
    ),
    expect_both_calls(
        "closed-by-empty-fragments",
        call_chunk(FIRST | {"index": 0}),
        call_chunk({"index": 0, "id": "a", "function": {"name": "add", "arguments": ""}}),
        call_chunk(SECOND | {"index": 0}),
        call_chunk({"index": 0, "id": "b", "function": {"name": "multiply", "arguments": ""}}),
    ),
    expect_both_calls(
        "split-within-a-chunk",
        call_chunk(
            {"index": 0, "id": "a", "function": {"name": "add"}},
            {"index": 0, "function": {"arguments": SUM[:5]}},
        ),
        call_chunk({"index": 0, "function": {"arguments": SUM[5:]}}),
        call_chunk(SECOND | {"index": 1}),
    ),
    expect_both_calls(
        "with-nulls",
        call_chunk(
            {
                "index": 0,
                "id": "a",
                "type": "function",
                "function": {"name": "add", "arguments": None},
            }
        ),
        call_chunk(
            {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": SUM}}
        ),
        call_chunk(SECOND | {"index": 1}),
        call_chunk(
            {"index": 1, "id": None, "type": None, "function": {"name": None, "arguments": None}}
        ),
    ),
    expect_both_calls(
        "with-shifted-argument-indexes",
        call_chunk({"index": 2, "id": "a", "function": {"name": "add", "arguments": ""}}),
        call_chunk({"index": 1, "function": {"arguments": SUM}}),
        call_chunk({"index": 4, "id": "b", "function": {"name": "multiply", "arguments": ""}}),
        call_chunk({"index": 3, "function": {"arguments": SUM}}),
    ),
    expect_both_calls(
        "that-finish-twice",
        call_chunk(FIRST | {"index": 0}, SECOND | {"index": 1}),
        ends("tool_calls"),
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": ""},
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        },
    ),
    expect_both_calls(
        "without-an-index",
        call_chunk(FIRST),
        call_chunk(SECOND),
    ),
    expect_both_calls(
        "in-one-chunk-without-an-index",
        call_chunk(FIRST, SECOND),
    ),
    expect_both_calls(
        "with-one-id",
        call_chunk(FIRST | {"index": 0}),
        call_chunk(SECOND | {"index": 1, "id": "a"}),
    ),
)

WHOLE = {"role": "assistant", "content": "Hello."}
CALL = FIRST
ANSWER = {
    "id": "b",
    "function": {"name": "final_answer", "arguments": '{"answer": "It is 3.", "tools_used": []}'},
}

DIFFERENT = '{"answer": "It is 4."}'

WHOLE_MESSAGES = (
    expect_answer(
        "whole-message-after-its-text",
        Reply(
            (*says("Hel", "lo.").parts, choice(message=WHOLE, finish_reason="stop")),
            finish_reason=None,
        ),
        answer="Hello.",
        raw_answer="Hello.",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "whole-message-beside-an-empty-delta",
        Reply(
            (
                *says("Hel", "lo.").parts,
                choice(delta={}, message=WHOLE, finish_reason="stop"),
            ),
            finish_reason=None,
        ),
        answer="Hello.",
        raw_answer="Hello.",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "whole-message-with-more-than-its-text",
        Reply(
            (*says("Hel").parts, choice(message=WHOLE, finish_reason="stop")), finish_reason=None
        ),
        answer="Hello.",
        raw_answer="Hello.",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "whole-message-only-beside-an-empty-delta",
        Reply((choice(delta={}, message=WHOLE, finish_reason="stop"),), finish_reason=None),
        answer="Hello.",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "whole-message-after-its-calls",
        Reply(
            (
                call_delta(name="add", id="a", arguments='{"x": 1,'),
                call_delta(arguments=' "y": 2}'),
                choice(message={"tool_calls": [CALL]}, finish_reason="tool_calls"),
            ),
            finish_reason=None,
        ),
        answers("It is 3."),
        answer="It is 3.",
        results=("3",),
        requests=2,
    ),
    expect_answer(
        "whole-message-with-more-than-its-calls",
        Reply(
            (
                call_delta(name="add", id="a", arguments='{"x": 1,'),
                choice(message={"tool_calls": [CALL]}, finish_reason="tool_calls"),
            ),
            finish_reason=None,
        ),
        Reply(
            (
                *says("Let me answer.").parts,
                choice(message={"content": "Let me answer.", "tool_calls": [ANSWER]}),
                ends("tool_calls"),
            ),
            finish_reason=None,
        ),
        answer="It is 3.",
        results=("3",),
        requests=2,
    ),
    expect_answer(
        "messages-in-place-of-deltas",
        Reply(
            (
                choice(message={"content": "ha"}),
                choice(message={"content": "ha"}),
                choice(message={"content": "."}, finish_reason="stop"),
            ),
            finish_reason=None,
        ),
        answer="haha.",
        arguments=NO_TOOLS,
    ),
)

THINKING = (
    expect_answer(
        "think-tags-in-pieces",
        says(*"<think>\nHm. </th</think>\n\nHello <think>."),
        answer="Hello <think>.",
        shown=("Hm. </th", "Hello <think>."),
        reasoning="\nHm. </th",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "think-tags-before-a-call",
        Reply(
            (
                *says("<think>Hm.</think>\n\n").parts,
                call_delta(name="final_answer", id="b", arguments='{"answer": "It is 3."}'),
            ),
            finish_reason="tool_calls",
        ),
        answer="It is 3.",
        shown=("Hm.", "It is 3."),
        reasoning="Hm.",
    ),
    expect_error(
        "nothing-but-think-tags",
        says("<think>Hm.", "</think>\n"),
        error=("message was empty",),
        shown=("Hm.",),
        reasoning="Hm.",
        arguments=NO_TOOLS,
    ),
)

ANSWERING = answers("It is 3.").parts
"""A call of final_answer without a finish reason."""

RUNAWAYS = (
    expect_answer(
        "runaway-answers",
        Reply(
            (
                *ANSWERING,
                *(
                    call_delta(at, name="final_answer", id=f"c{at}", arguments=DIFFERENT)
                    for at in range(1, 600)
                ),
                NEVER,
            )
        ),
        answer="It is 3.",
        absent=("already has", "It is 4."),
        requests=1,
    ),
    expect_answer(
        "runaway-answers-of-one-index",
        Reply(
            (
                *ANSWERING,
                *(
                    call_delta(0, name="final_answer", id=f"c{at}", arguments=DIFFERENT)
                    for at in range(1, 600)
                ),
                NEVER,
            )
        ),
        answer="It is 3.",
        absent=("already has", "It is 4."),
        requests=1,
    ),
    expect_answer(
        "runaway-text-after-the-answer",
        Reply((*ANSWERING, *says(*["So it is 4. "] * 600).parts, NEVER)),
        answer="It is 3.",
        absent=("It is 4.",),
        requests=1,
    ),
    expect_answer(
        "runaway-blanks-after-the-answer",
        Reply((*ANSWERING, *[call_delta(arguments="\n")] * 600, NEVER)),
        answer="It is 3.",
        requests=1,
    ),
    expect_answer(
        "silence-after-the-answer", Reply((*ANSWERING, NEVER)), answer="It is 3.", requests=1
    ),
    expect_answer(
        "calls-before-the-answer",
        Reply(
            (
                call_delta(0, name="add", id="a", arguments=SUM),
                *(
                    call_delta(1, name="final_answer", id="b", arguments=each)
                    for each in ('{"answer": "It ', 'is 3."}')
                ),
            )
        ).but(finish_reason="tool_calls"),
        answer="It is 3.",
        shown=(SUM, "It is 3."),
        requests=1,
    ),
)

LEAKED_CALLS = (
    expect_error(
        "leaked-call-in-tags",
        says("<tool_call>\n", '{"name": "add", "arguments": ', SUM, "}\n</tool_call>"),
        error=("called add in its text", "tool-call parser seems to be off"),
        partial=f'<tool_call>\n{{"name": "add", "arguments": {SUM}}}\n</tool_call>',
        requests=1,
    ),
    expect_error(
        "leaked-call-as-json",
        says('{"name": "add", "arguments": ', SUM, "}"),
        error=("called add in its text", "tool-call parser seems to be off"),
        partial=f'{{"name": "add", "arguments": {SUM}}}',
        requests=1,
    ),
    expect_answer(
        "requested-json",
        says('{"name": "add", "arguments": {}}'),
        answer='{"name": "add", "arguments": {}}',
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "json-that-is-not-a-call",
        says('{"name": "Ada", "arguments": {}}'),
        answer='{"name": "Ada", "arguments": {}}',
    ),
)

ODD_STREAMS = (
    *(*PROXIES, *CALLS),
    *(*LEAKED_CALLS, *RUNAWAYS, *THINKING, *FINISH_REASONS, *REPORTED_ERRORS, *WHOLE_MESSAGES),
)
