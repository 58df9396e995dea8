"""Streams of real servers that other clients have misread, as scenarios: data only."""

from __future__ import annotations

import json
from typing import Any

from tests.scenarios import NEVER, NO_TOOLS, SUM, Scenario, done, failed, stream, unended
from tests.server import Reply, answers, call_delta, delta, ends, says, whole

HALF = delta(content="Half of")
MARK = "[DONE]"


def event(value: Any, field: str = "data") -> bytes:
    """Return a server-sent event with a value as JSON."""
    return f"{field}: {json.dumps(value)}\n\n".encode()


def chosen(**fields: Any) -> dict[str, Any]:
    """Return a chunk with one choice."""
    return {"choices": [{"index": 0, **fields}]}


def ends_with(reason: str) -> Scenario:
    """A text that ends with a finish reason that is not known to be good."""
    return failed(
        f"finish-reason-{reason}",
        Reply((HALF,), finish_reason=reason),
        error=("cut off", reason),
        partial="Half of",
        arguments=NO_TOOLS,
        requests=1,
    )


def completes_with(reason: str) -> Scenario:
    """A text that ends with a finish reason that servers use for a complete one."""
    return done(
        f"finish-reason-{reason}",
        Reply((delta(content="Whole."),), finish_reason=reason),
        answer="Whole.",
        arguments=NO_TOOLS,
    )


def reports(name: str, *parts: Any, error: tuple[str, ...], partial: str = "") -> Scenario:
    """A stream in which the server says what went wrong, and then ends it as if nothing had."""
    return failed(
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
    ends_with("network_error"),
    ends_with("model_context_window_exceeded"),
    ends_with("guardrail_intervened"),
    ends_with("something_new"),
    failed(
        "finish-reason-hostile",
        Reply((HALF,), finish_reason="stop\x1b[2J\u202e"),
        error=(r"stop\x1b[2J\u202e",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    completes_with("end_turn"),
    completes_with("eos"),
    completes_with("stop_sequence"),
    completes_with("COMPLETE"),
    done(
        "finish-reason-null-as-a-word",
        Reply(
            (
                *(chosen(delta={"content": each}, finish_reason="null") for each in "Who"),
                chosen(delta={"content": "le."}, finish_reason="stop"),
            ),
            finish_reason=None,
        ),
        answer="Whole.",
        arguments=NO_TOOLS,
    ),
)

REPORTED_ERRORS = (
    reports("field", HALF, event(CONTEXT_SIZE, "error"), error=(TOO_LONG,), partial="Half of"),
    reports("field-alone", event(CONTEXT_SIZE, "error"), error=(TOO_LONG,)),
    reports(
        "field-as-text", HALF, b"error: it crashed\n\n", error=("it crashed",), partial="Half of"
    ),
    failed(
        "error-field-at-the-end",
        unended(HALF, b"error: it crashed"),
        error=("it crashed",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    reports(
        "null-choices",
        HALF,
        event({"choices": None, "error_message": "it crashed"}),
        error=("it crashed",),
        partial="Half of",
    ),
    reports(
        "detail", HALF, event({"detail": "it crashed"}), error=("it crashed",), partial="Half of"
    ),
    reports(
        "code-and-msg",
        HALF,
        event({"code": 50, "msg": "it crashed"}),
        error=("it crashed",),
        partial="Half of",
    ),
    reports(
        "status-message",
        event({"choices": None, "base_resp": {"status_code": 1008, "status_msg": "no balance"}}),
        error=("no balance",),
    ),
    reports(
        "in-capitals",
        event({"Response": {"Error": {"Code": "Busy", "Message": "it crashed"}}}),
        error=("it crashed",),
    ),
    reports(
        "in-a-choice",
        HALF,
        event(chosen(delta={}, finish_reason="stop", error={"message": "upstream idle timeout"})),
        error=("upstream idle timeout",),
        partial="Half of",
    ),
    reports(
        "in-a-choice-with-text",
        event(
            chosen(
                delta={"content": "Half of"},
                finish_reason="stop",
                error={"message": "upstream idle timeout"},
            )
        ),
        error=("upstream idle timeout",),
        partial="Half of",
    ),
    reports(
        "beside-a-choice",
        event(
            chosen(delta={"content": "Half of"}, finish_reason="error") | {"error": CONTEXT_SIZE}
        ),
        error=(TOO_LONG,),
        partial="Half of",
    ),
    reports(
        "that-says-more-outside",
        event({"error": "Internal Server Error", "message": "the GPU is gone"}),
        error=("the GPU is gone",),
    ),
    failed(
        "error-in-a-document",
        whole({"detail": "it crashed"}),
        error=("it crashed",),
    ),
    failed(
        "another-protocol",
        stream(*(event({"message": {"role": "assistant", "content": "Hi"}}).decode(),)),
        error=("not a chat completion", "{host}"),
    ),
)

PROXIES = (
    failed(
        "proxy-appends-text",
        unended(HALF, b"upstream request timeout\n"),
        error=("upstream request timeout",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    failed(
        "proxy-appends-text-with-a-colon",
        unended(HALF, b"error code: 524\n\n"),
        error=("error code: 524",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    failed(
        "proxy-appends-json",
        unended(HALF, b'{"error": {"message": "upstream is gone"}}\n'),
        error=("upstream is gone",),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
    failed(
        "proxy-appends-a-page",
        unended(HALF, b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n"),
        error=("502 Bad Gateway",),
        partial="Half of",
        absent=("<title",),
        arguments=NO_TOOLS,
    ),
    done(
        "events-without-a-field-name",
        stream(
            event(delta(content="Hel")).decode(),
            json.dumps(delta(content="lo.")) + "\n\n",
            "data: [DONE]\n\n",
        ),
        answer="Hello.",
        arguments=NO_TOOLS,
    ),
    done(
        "fields-of-their-own",
        stream("request-id: 7\n\n", event(delta(content="Hello.")).decode(), "data: [DONE]\n\n"),
        answer="Hello.",
        arguments=NO_TOOLS,
    ),
    done(
        "keep-alive-events",
        stream(
            'event: ping\ndata: {"message": "still here"}\n\n',
            event(delta(content="Hello.")).decode(),
            "data: [DONE]\n\n",
        ),
        answer="Hello.",
        arguments=NO_TOOLS,
    ),
    failed(
        "finish-reason-in-camel-case",
        Reply((HALF, chosen(delta={}, finishReason="MAX_TOKENS")), finish_reason=None),
        error=("cut off", "MAX_TOKENS"),
        partial="Half of",
        arguments=NO_TOOLS,
    ),
)

FIRST = {"id": "a", "type": "function", "function": {"name": "add", "arguments": SUM}}
SECOND = {"id": "b", "type": "function", "function": {"name": "multiply", "arguments": SUM}}


def chunk(*calls: dict[str, Any]) -> dict[str, Any]:
    """A chunk with these fragments of calls."""
    return delta(tool_calls=list(calls))


def both(name: str, *chunks: dict[str, Any]) -> Scenario:
    """A message that calls `add` and `multiply` with 1 and 2."""
    return done(
        f"calls-{name}",
        Reply(chunks, finish_reason="tool_calls"),
        answers("3 and 2."),
        answer="3 and 2.",
        results=("3", "2"),
        requests=2,
    )


CALLS = (
    both("of-one-index", chunk(FIRST | {"index": 0}), chunk(SECOND | {"index": 0})),
    both(
        "that-are-closed-again",
        chunk(FIRST | {"index": 0}),
        chunk({"index": 0, "id": "a", "function": {"name": "add", "arguments": ""}}),
        chunk(SECOND | {"index": 0}),
        chunk({"index": 0, "id": "b", "function": {"name": "multiply", "arguments": ""}}),
    ),
    both(
        "in-two-fragments-of-a-chunk",
        chunk(
            {"index": 0, "id": "a", "function": {"name": "add"}},
            {"index": 0, "function": {"arguments": SUM[:5]}},
        ),
        chunk({"index": 0, "function": {"arguments": SUM[5:]}}),
        chunk(SECOND | {"index": 1}),
    ),
    both(
        "with-nulls",
        chunk(
            {
                "index": 0,
                "id": "a",
                "type": "function",
                "function": {"name": "add", "arguments": None},
            }
        ),
        chunk({"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": SUM}}),
        chunk(SECOND | {"index": 1}),
        chunk(
            {"index": 1, "id": None, "type": None, "function": {"name": None, "arguments": None}}
        ),
    ),
    both(
        "whose-arguments-have-another-index",
        chunk({"index": 2, "id": "a", "function": {"name": "add", "arguments": ""}}),
        chunk({"index": 1, "function": {"arguments": SUM}}),
        chunk({"index": 4, "id": "b", "function": {"name": "multiply", "arguments": ""}}),
        chunk({"index": 3, "function": {"arguments": SUM}}),
    ),
    both(
        "that-finish-twice",
        chunk(FIRST | {"index": 0}, SECOND | {"index": 1}),
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
    both(
        "without-an-index",
        chunk(FIRST),
        chunk(SECOND),
    ),
    both(
        "in-one-chunk-without-an-index",
        chunk(FIRST, SECOND),
    ),
    both(
        "of-one-id",
        chunk(FIRST | {"index": 0}),
        chunk(SECOND | {"index": 1, "id": "a"}),
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
    done(
        "whole-message-after-its-text",
        Reply(
            (*says("Hel", "lo.").parts, chosen(message=WHOLE, finish_reason="stop")),
            finish_reason=None,
        ),
        answer="Hello.",
        original="Hello.",
        arguments=NO_TOOLS,
    ),
    done(
        "whole-message-beside-an-empty-delta",
        Reply(
            (
                *says("Hel", "lo.").parts,
                chosen(delta={}, message=WHOLE, finish_reason="stop"),
            ),
            finish_reason=None,
        ),
        answer="Hello.",
        original="Hello.",
        arguments=NO_TOOLS,
    ),
    done(
        "whole-message-with-more-than-its-text",
        Reply(
            (*says("Hel").parts, chosen(message=WHOLE, finish_reason="stop")), finish_reason=None
        ),
        answer="Hello.",
        original="Hello.",
        arguments=NO_TOOLS,
    ),
    done(
        "whole-message-only-beside-an-empty-delta",
        Reply((chosen(delta={}, message=WHOLE, finish_reason="stop"),), finish_reason=None),
        answer="Hello.",
        arguments=NO_TOOLS,
    ),
    done(
        "whole-message-after-its-calls",
        Reply(
            (
                call_delta(name="add", id="a", arguments='{"x": 1,'),
                call_delta(arguments=' "y": 2}'),
                chosen(message={"tool_calls": [CALL]}, finish_reason="tool_calls"),
            ),
            finish_reason=None,
        ),
        answers("It is 3."),
        answer="It is 3.",
        results=("3",),
        requests=2,
    ),
    done(
        "whole-message-with-more-than-its-calls",
        Reply(
            (
                call_delta(name="add", id="a", arguments='{"x": 1,'),
                chosen(message={"tool_calls": [CALL]}, finish_reason="tool_calls"),
            ),
            finish_reason=None,
        ),
        Reply(
            (
                *says("Let me answer.").parts,
                chosen(message={"content": "Let me answer.", "tool_calls": [ANSWER]}),
                ends("tool_calls"),
            ),
            finish_reason=None,
        ),
        answer="It is 3.",
        results=("3",),
        requests=2,
    ),
    done(
        "messages-in-place-of-deltas",
        Reply(
            (
                chosen(message={"content": "ha"}),
                chosen(message={"content": "ha"}),
                chosen(message={"content": "."}, finish_reason="stop"),
            ),
            finish_reason=None,
        ),
        answer="haha.",
        arguments=NO_TOOLS,
    ),
)

THINKING = (
    done(
        "think-tags-in-pieces",
        says(*"<think>\nHm. </th</think>\n\nHello <think>."),
        answer="Hello <think>.",
        shown=("Hm. </th", "Hello <think>."),
        reasoning="\nHm. </th",
        arguments=NO_TOOLS,
    ),
    done(
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
    failed(
        "nothing-but-thinking",
        says("<think>Hm.", "</think>\n"),
        error=("message was empty",),
        shown=("Hm.",),
        reasoning="Hm.",
        arguments=NO_TOOLS,
    ),
)

ANSWERING = answers("It is 3.").parts
"""A call of final_answer that nothing ends."""

RUNAWAYS = (
    done(
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
    done(
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
    done(
        "runaway-text-after-the-answer",
        Reply((*ANSWERING, *says(*["So it is 4. "] * 600).parts, NEVER)),
        answer="It is 3.",
        absent=("It is 4.",),
        requests=1,
    ),
    done(
        "runaway-blanks-after-the-answer",
        Reply((*ANSWERING, *[call_delta(arguments="\n")] * 600, NEVER)),
        answer="It is 3.",
        requests=1,
    ),
    done("silence-after-the-answer", Reply((*ANSWERING, NEVER)), answer="It is 3.", requests=1),
    done(
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
    failed(
        "leaked-call-in-tags",
        says("<tool_call>\n", '{"name": "add", "arguments": ', SUM, "}\n</tool_call>"),
        error=("called add in its text", "tool-call parser seems to be off"),
        partial=f'<tool_call>\n{{"name": "add", "arguments": {SUM}}}\n</tool_call>',
        requests=1,
    ),
    failed(
        "leaked-call-as-json",
        says('{"name": "add", "arguments": ', SUM, "}"),
        error=("called add in its text", "tool-call parser seems to be off"),
        partial=f'{{"name": "add", "arguments": {SUM}}}',
        requests=1,
    ),
    done(
        "leaked-call-that-was-asked-for",
        says('{"name": "add", "arguments": {}}'),
        answer='{"name": "add", "arguments": {}}',
        arguments=NO_TOOLS,
    ),
    done(
        "json-that-is-no-call",
        says('{"name": "Ada", "arguments": {}}'),
        answer='{"name": "Ada", "arguments": {}}',
    ),
)

ODD_STREAMS = (
    *(*PROXIES, *CALLS),
    *(*LEAKED_CALLS, *RUNAWAYS, *THINKING, *FINISH_REASONS, *REPORTED_ERRORS, *WHOLE_MESSAGES),
)
