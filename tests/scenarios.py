r"""What servers do, and what users must see of it: data only.

`test_scenarios` plays every scenario three times against the installed program. In expected texts,
`{host}` stands for the server's host and port; in its headers, `{elsewhere}` stands for the URL of
another server, which must not get any request.

Hostile text is spelled as it must come out, for example `\x1b[2J`; `unescape` returns the real one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

from tests.server import (
    NEVER,
    Hangup,
    Pause,
    Reply,
    answers,
    call_delta,
    calls,
    completion,
    delta,
    ends,
    fails,
    gzipped,
    lists,
    page,
    says,
    whole,
)

KEY = "sk-test-7Hq2ZxW9bN4vR8kT3mY6pL1cF5dJ0gSaUeViOwXzQyBtPnMrKl"
NO_TOOLS = ("--no-tools",)
SHORT_TIMEOUT = ("--timeout", "1")
LONGER_TIMEOUT = ("--timeout", "5")
"""For what must arrive in time, also on a busy machine."""
VERBOSE = ("--verbose",)


@dataclass(frozen=True)
class Scenario:
    """What a server replies, and what must happen then.

    Attributes:
        replies: to the requests for a completion, in order; after them, every request fails,
            unless `forever` repeats the replies.
        models: the reply to a request for the list of models.
        code: the exit code; None if both 0 and 1 are acceptable.
        answer: what a pipe gets, without the final newline; None if it is not compared exactly.
        raw_answer: the answer as --json reports it, if it differs.
        partial: what a pipe gets of an answer that then fails.
        error: texts in the error message.
        shown: texts on the screen, by default the answer; if `answer` is None, a pipe gets each
            of them exactly once.
        reasoning: the model's reasoning, which is not part of the answer.
        absent: texts that appear nowhere.
        requests: the number of requests for a completion.
        results: how the tool results in the last request begin.
        min_delay: the minimum number of seconds between the first two requests.
        max_seconds: the maximum number of seconds from the last request to the exit, if it is less
            than that for everything.
        stderr: texts on standard error besides the error; None if there must be none.
        max_output: the maximum number of characters written to a terminal or to standard error.
        arguments: the command line without the question.
        variables: the environment without the base URL and the key.
        credentials: what precedes the host in the base URL.
        listening: whether there is a server at all.
    """

    name: str
    replies: tuple[Reply, ...] = ()
    forever: bool = False
    models: Reply = field(default_factory=lambda: fails(404))
    code: int | None = 0
    answer: str | None = None
    raw_answer: str | None = None
    partial: str = ""
    error: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    reasoning: str = ""
    absent: tuple[str, ...] = ()
    requests: int | None = None
    results: tuple[str, ...] | None = None
    min_delay: float = 0
    max_seconds: float | None = None
    stderr: tuple[str, ...] | None = None
    max_output: int | None = None
    question: str = "What is 10 + 10"
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    credentials: str = ""
    listening: bool = True


def expect_answer(name: str, *replies: Reply, answer: str | None, **expected: Any) -> Scenario:
    """Expect an answer."""
    return Scenario(name, replies, answer=answer, **expected)


def expect_error(name: str, *replies: Reply, error: tuple[str, ...], **expected: Any) -> Scenario:
    """Expect an error, and that later replies are not requested."""
    return Scenario(name, replies, code=1, error=error, **expected)


def unescape(spelled: str) -> str:
    """Return the text that is shown like this."""
    return spelled.encode().decode("unicode_escape")


def expect_escaped(name: str, spelled: str, **expected: Any) -> Scenario:
    """Expect an answer to be escaped like this on pipes and terminals."""
    reply = says(unescape(spelled))
    return expect_answer(
        name, reply, answer=spelled, raw_answer=unescape(spelled), arguments=NO_TOOLS, **expected
    )


def sends(*parts: Any) -> Reply:
    """Send just these parts: no finish reason, and no [DONE]."""
    return Reply(parts, finish_reason=None, done=False)


def sends_text(*lines: str, split: bool = False) -> Reply:
    """Send just this text."""
    data = "".join(lines).encode("utf-8", "surrogateescape")
    return sends(data).but(split=_split_into_bytes if split else None)


def _split_into_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def _pause_after_each(seconds: float, parts: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(chain.from_iterable((part, Pause(seconds)) for part in parts))


DONE = says("done")
HALF_ARGUMENTS = '{"x": 10, "y": 1'
"""A repair of these arguments would add numbers that the model never chose."""
HALF_ANSWER = '{"answer": "Once upon'
SUM = '{"x": 1, "y": 2}'
PRODUCT = '{"x": 3, "y": 4}'

HOSTILE = (
    expect_escaped("hostile-escapes", r"a\x1b[2Jb \x1b]0;owned\x07 \x1b]8;;http://a.example\x07c"),
    expect_escaped(
        "hostile-controls",
        r"a\x00b\x08c\x0bd\x0ce\x7ff \x9b31m \x9d0;t\x9c \x85 100 euros\x0d  2 euros",
    ),
    expect_escaped(
        "hostile-invisible",
        r"a\u061cb\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        r"c\u200b\u2060\ufeff\xad\u180e\U000e0041\U000e007f",
    ),
    expect_error(
        "hostile-error",
        fails(400, unescape(r"no\x1b[2J \u202e [/red] :smile: {x} %s <b>&amp;</b>\x07")),
        error=(r"no\x1b[2J \u202e [/red] :smile: {x} %s <b>&amp;</b>\x07",),
    ),
    expect_answer(
        "hostile-escape-in-pieces",
        answers(unescape(r"\x1b[31mred\x1b[0m"), size=1),
        answer=r"\x1b[31mred\x1b[0m",
        raw_answer=unescape(r"\x1b[31mred\x1b[0m"),
    ),
    expect_answer(
        "windows-line-endings",
        says("one\r", "\ntwo\r\n", "three"),
        answer="one\ntwo\nthree",
        raw_answer="one\r\ntwo\r\nthree",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "zero-width-joiners-are-kept",
        says("می\u200cشود, 👨\u200d👩\u200d👧 family"),
        answer="می\u200cشود, 👨\u200d👩\u200d👧 family",
        shown=("family",),
    ),
    expect_answer(
        "split-surrogate-pairs",
        says("a\ud83d", "\ude00b \ud83d", " c\ude00"),
        answer=r"a😀b \ud83d c\ude00",
        raw_answer="a😀b \ud83d c\ude00",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "hostile-call",
        calls(
            unescape(r"\x1b]0;x\x07add"),
            [unescape(r'{"x": "\x1b[2J\u202e\x9b"}')],
            id=unescape(r"\x1b[2J"),
        ),
        DONE,
        answer="done",
        shown=(r"\x1b]0;x\x07add", r"\x1b[2J\u202e\x9b", "done"),
        results=("Error",),
    ),
    expect_answer(
        "hostile-debug-lines",
        calls(unescape(r"\x1b[31madd"), [unescape(r'{"x": "\x9b\u202e"}')], id=unescape(r"\u2066")),
        says("done"),
        answer="done",
        stderr=(r"\x1b[31madd", r"\x9b\u202e"),
        arguments=VERBOSE,
    ),
    expect_answer(
        "hostile-question",
        DONE,
        answer="done",
        question=unescape(r"\x1b[2J\u202e {x} {0} {{y}} %s {"),
        arguments=("--model", unescape(r"m\x1b[31m")),
        shown=(r"m\x1b[31m", "done"),
    ),
)

RICH = "[/red] [bold]x[/bold] [link=http://a.example]y[/link] :smile: :warning:"
PROMPT_TOOLKIT = "<b>x</b> &amp; &lt;y&gt; <ansired>z</ansired> <style fg='red'>"

MARKUP = (
    expect_answer(
        "markup-in-an-answer",
        says(f"{RICH} {PROMPT_TOOLKIT} [docs](http://a.example/x) ![pic](http://a.example/p.png)"),
        answer=f"{RICH} {PROMPT_TOOLKIT} [docs](http://a.example/x) ![pic](http://a.example/p.png)",
        shown=(RICH, PROMPT_TOOLKIT, "docs"),
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "markup-in-a-call",
        calls("[/red]add", x="[link=x]y[/link] :smile: <b>&amp;"),
        DONE,
        answer="done",
        shown=("[/red]add", "[link=x]y[/link] :smile: <b>&amp;", "done"),
    ),
)


def expect_timeout(name: str, *parts: Any, reply: Reply | None = None, **expected: Any) -> Scenario:
    """Expect a timeout after a second, and no retry."""
    return expect_error(
        name,
        reply or sends(*parts),
        DONE,
        error=("timed out", "{host}", "--timeout"),
        **{"requests": 1, "arguments": SHORT_TIMEOUT} | expected,
    )


PINGS = _pause_after_each(0.3, repeat(b": ping\n\n", 60))
EMPTY_CHUNKS = (
    *(delta(content=""), delta(role="assistant"), delta(content=None), delta()),
    *({"choices": []}, {"choices": [{"index": 0, "delta": None}]}, delta(tool_calls=[])),
)

TIME_OUTS = (
    expect_timeout("no-headers", reply=Reply(before=(NEVER,))),
    expect_timeout("no-first-byte", NEVER),
    expect_timeout(
        "stall-in-text",
        delta(content="Once upon"),
        NEVER,
        partial="Once upon",
        arguments=(*LONGER_TIMEOUT, *NO_TOOLS),
    ),
    expect_timeout(
        "stall-in-arguments",
        *calls("add", [HALF_ARGUMENTS]).parts,
        NEVER,
        shown=(HALF_ARGUMENTS,),
        arguments=LONGER_TIMEOUT,
    ),
    expect_timeout("pings-are-not-progress", *PINGS),
    expect_timeout("empty-chunks-are-not-progress", *_pause_after_each(0.3, EMPTY_CHUNKS * 8)),
    expect_error(
        "endless-error-body",
        Reply((b'{"error": {"message": "no', NEVER), status=400),
        error=("{host}",),
        arguments=LONGER_TIMEOUT,
    ),
    expect_error(
        "model-list-that-times-out",
        whole({"error": {"message": "no such model", "code": "model_not_found"}}, 404),
        models=Reply(before=(NEVER,)),
        error=("404", "no such model"),
        arguments=LONGER_TIMEOUT,
    ),
    expect_answer(
        "slow-but-steady",
        Reply(
            _pause_after_each(
                0.8, [delta(reasoning_content="hm ")] * 8 + [delta(content="on ")] * 8
            )
        ),
        answer="on " * 8,
        reasoning="hm " * 8,
        arguments=("--timeout", "12", *NO_TOOLS),
    ),
    expect_answer(
        "connection-left-open",
        sends(delta(content="It is 20."), ends(), NEVER),
        answer="It is 20.",
    ),
    expect_answer(
        "connection-left-open-after-calls",
        sends(*calls("add", x=1, y=2).parts, ends("tool_calls"), NEVER),
        sends(*answers("It is 3.").parts, ends("tool_calls"), NEVER),
        answer="It is 3.",
        results=("3",),
    ),
)

CUT_OFF = (
    expect_error(
        "length-limit-in-text",
        says("Once", " upon").but(finish_reason="length"),
        error=("cut off", "length"),
        partial="Once upon",
        arguments=NO_TOOLS,
        requests=1,
    ),
    expect_error(
        "content-filter-with-tools",
        says("Once upon").but(finish_reason="content_filter"),
        error=("cut off", "content_filter"),
        partial="Once upon",
        requests=1,
    ),
    expect_error(
        "length-limit-in-arguments",
        (calls("add", id="a", x=1, y=2) + calls("add", [HALF_ARGUMENTS])).but(
            finish_reason="length"
        ),
        error=("cut off", "length"),
        shown=(SUM, HALF_ARGUMENTS),
        absent=('"tool_started"',),
        requests=1,
    ),
    expect_error(
        "length-limit-in-final-answer",
        calls("final_answer", [HALF_ANSWER]).but(finish_reason="length"),
        error=("cut off", "length"),
        partial="Once upon",
    ),
    expect_error(
        "end-of-stream-in-arguments",
        calls("add", [HALF_ARGUMENTS]).but(finish_reason=None),
        error=("inside the arguments of add", HALF_ARGUMENTS),
        shown=(HALF_ARGUMENTS,),
        requests=1,
    ),
    expect_error(
        "end-of-stream-in-final-answer",
        calls("final_answer", [HALF_ANSWER]).but(finish_reason=None, done=False),
        error=("inside the arguments of final_answer",),
        partial="Once upon",
    ),
    expect_error(
        "end-of-stream-in-text",
        sends(*says("Once", " upon").parts),
        error=("cut off",),
        partial="Once upon",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "half-arguments-with-a-finish-reason",
        calls("add", [HALF_ARGUMENTS])
        + calls("add", [SUM + "}"], id="b")
        + calls("add", [SUM[:-1] + ",}"], id="c"),
        DONE,
        answer="done",
        results=("Error", "Error", "Error"),
    ),
    expect_answer(
        "whole-arguments-without-a-finish-reason",
        sends(*calls("add", x=1, y=2).parts),
        sends(*answers("It is 3.").parts),
        answer="It is 3.",
        results=("3",),
    ),
    expect_answer(
        "done-without-a-finish-reason", says("It is 3.").but(finish_reason=None), answer="It is 3."
    ),
)

STRANGE_ARGUMENTS = (
    *('{"x": NaN, "y": 1}', '{"x": 1e999, "y": 1}', r'{"x": "\ud83d", "y": 1}', "[1, 2]", '"x"'),
    *("null", "{'x': 1, 'y': 2}", '{"x": ' + "9" * 5000 + ', "y": 1}', '{"x": "1", "y": 2}'),
)


def calls_add(**fields: Any) -> Reply:
    """Call add in one chunk."""
    return Reply((call_delta(name="add", arguments=SUM, **fields),), finish_reason="tool_calls")


def call_at_once(*replies: Reply) -> Reply:
    """Make all calls in one message."""
    first, *others = replies
    for each in others:
        first += each
    return first


REQUESTS = (
    expect_answer(
        "missing-and-invalid-call-ids",
        calls_add() + calls_add(id=""),
        says("so \ud83d") + calls_add(id=7),
        calls_add(id="\ud83d"),
        DONE,
        answer="done",
        results=("3",) * 4,
    ),
    expect_answer(
        "repeated-call-ids",
        calls("add", id="a", x=1, y=2) + calls("multiply", id="a", x=3, y=4),
        calls("add", id="a", x=5, y=6),
        DONE,
        answer="done",
        results=("3", "12", "11"),
    ),
    expect_answer(
        "invalid-tool-names",
        call_at_once(
            calls("add numbers!", id="a"),
            calls("a" * 100, id="b"),
            calls("ädd\ud83d", id="c"),
        ),
        calls("", id="d"),
        Reply((call_delta(id="e", arguments="{}"),)),
        DONE,
        answer="done",
        results=("Error",) * 5,
    ),
    expect_answer(
        "invalid-arguments",
        call_at_once(
            *(calls("add", [each], id=f"c{n}") for n, each in enumerate(STRANGE_ARGUMENTS))
        ),
        DONE,
        answer="done",
        results=("Error",) * len(STRANGE_ARGUMENTS),
    ),
    expect_answer(
        "deeply-nested-arguments",
        calls("add", ['{"x": ' + "[" * 50_000 + "]" * 50_000 + "}"]),
        DONE,
        answer="done",
        results=("Error",),
    ),
)

EVENTS = (
    *(json.dumps(delta(content="schön "), ensure_ascii=False), json.dumps(delta(content="😀 3"))),
    *(json.dumps(ends()), "[DONE]"),
)
"""The smallest possible: no ID, no model, no role."""
INDENTED = [json.dumps(json.loads(each), indent=1) for each in EVENTS[:-1]]
EMPTY_EVENTS = (
    *('{"choices": [], "prompt_filter_results": []}', '{"choices": null}', "{}"),
    *('{"choices": [{"index": 0, "delta": null}]}', '{"choices": [{"index": 0}], "usage": null}'),
    '{"choices": [{"delta": {"role": null, "content": null, "tool_calls": null}}]}',
    '{"choices": [], "usage": {"prompt_tokens": 1}}',
)


def expect_decoded(name: str, *replies: Reply, **expected: Any) -> Scenario:
    """Expect the answer that EVENTS spell."""
    return expect_answer(name, *replies, **{"answer": "schön 😀 3"} | expected)


BAD = "\udcff\udcfe"
"""Two bytes that are not UTF-8."""


def encode_events(events: Iterable[str], ending: str = "\n", before: str = "data: ") -> str:
    """Return the events as they look on the wire."""
    return "".join(f"{before}{each}{ending}{ending}" for each in events)


def encode_as_lines(text: str) -> str:
    """Return one event with a data field for each line."""
    return "".join(f"data: {line}\n" for line in text.split("\n")) + "\n"


WHOLE_CALLS = [
    {"id": "b", "function": {"name": "add", "arguments": {"x": 1, "y": 2}}},
    {"id": "c", "function": {"name": "multiply", "arguments": PRODUCT}},
]

SHAPES_OF_CALLS = (
    expect_answer(
        "missing-or-shifted-index-and-legacy-function-call",
        Reply(
            (
                call_delta(None, id="a", name="add", arguments='{"x": 1,'),
                call_delta(None, arguments=' "y": 2}'),
            )
        ),
        Reply(
            (
                call_delta(4, id="b", name="add", arguments='{"x": 3,'),
                call_delta(4, arguments=' "y": 4}'),
            )
        ),
        Reply(
            (
                delta(function_call={"name": "add", "arguments": ""}),
                delta(function_call={"arguments": '{"x": 5,'}),
                delta(function_call={"arguments": ' "y": 6}'}),
            ),
            finish_reason="function_call",
        ),
        DONE,
        answer="done",
        results=("3", "7", "11"),
    ),
    expect_answer(
        "repeated-id-and-name-and-whole-calls",
        Reply(
            (
                delta(tool_calls=[{"id": "a", "function": {"name": "add", "arguments": None}}]),
                call_delta(id="a", name="add", arguments='{"x": 1,'),
                call_delta(id="a", name="add", arguments=' "y": 2}'),
            )
        ),
        Reply((delta(content=None, tool_calls=WHOLE_CALLS),)),
        DONE,
        answer="done",
        results=("3", "3", "12"),
    ),
    expect_answer(
        "constant-index",
        Reply(
            (
                call_delta(0, id="a", name="add", arguments=SUM),
                call_delta(0, id="b", name="multiply", arguments='{"x": 3,'),
                call_delta(0, arguments=' "y": 4}'),
            )
        ),
        DONE,
        answer="done",
        results=("3", "12"),
    ),
    expect_answer(
        "interleaved-calls",
        Reply(
            (
                call_delta(0, id="a", name="add", arguments='{"x": 1'),
                call_delta(1, id="b", name="multiply", arguments='{"x": 3'),
                call_delta(0, arguments=', "y": 2}'),
                call_delta(1, arguments=', "y": 4}'),
            )
        ),
        DONE,
        answer="done",
        results=("3", "12"),
    ),
    expect_answer(
        "text-before-a-call",
        (says("Let me add.") + calls("add", x=1, y=2)).but(finish_reason="stop"),
        DONE,
        answer="done",
        shown=("Let me add.", "done"),
        results=("3",),
    ),
    expect_answer(
        "unstreamed-calls",
        completion(
            "tool_calls",
            content=None,
            tool_calls=[
                {"id": "a", "type": "function", "function": {"name": "add", "arguments": SUM}}
            ],
        ),
        completion(role="assistant", content="It is 3."),
        answer="It is 3.",
        results=("3",),
    ),
)

REASONING = r"The user \x1b[2J\u202egreets me."

SHAPES_OF_STREAMS = (
    expect_answer(
        "reasoning-and-text",
        Reply(
            (
                delta(reasoning_content=unescape(REASONING[:15])),
                delta(reasoning=unescape(REASONING[15:])),
                delta(content="Hello."),
            )
        ),
        answer="Hello.",
        shown=(REASONING, "Hello."),
        reasoning=unescape(REASONING),
    ),
    expect_decoded(
        "text-in-content-parts",
        Reply(
            (
                delta(content=[{"type": "text", "text": "schön "}]),
                delta(content=[{"type": "text", "text": "😀 "}, {"type": "text", "text": "3"}]),
            )
        ),
    ),
    expect_decoded(
        "empty-chunks",
        sends_text(encode_events((*EMPTY_EVENTS, *EVENTS[:-1], *EMPTY_EVENTS, EVENTS[-1]))),
    ),
    expect_decoded(
        "crlf-line-endings", sends_text(encode_events(EVENTS, ending="\r\n"), split=True)
    ),
    expect_decoded("cr-line-endings", sends_text(encode_events(EVENTS, ending="\r"), split=True)),
    expect_decoded(
        "other-sse-fields",
        sends_text(
            ": hello\n\n",
            encode_events(EVENTS, before="event: message\nid: 7\nretry: 1\n:x\ndata:"),
        ),
    ),
    expect_decoded(
        "multiline-events", sends_text("\ufeff", *map(encode_as_lines, INDENTED), split=True)
    ),
    expect_decoded("no-final-blank-line", sends_text(encode_events(EVENTS[:-1]).rstrip("\n"))),
    expect_decoded("gzip", gzipped(sends_text(encode_events(EVENTS)))),
    expect_error(
        "error-with-status-200",
        whole({"error": {"message": "out of memory"}}),
        error=("out of memory", "{host}"),
    ),
    expect_error(
        "web-page",
        page("<!doctype html><html><head><title>Sign in</title></head><body><h1>Hi</h1></body>"),
        error=("web page", "Sign in"),
        absent=("<title", "<body", "<h1", "<!doctype"),
    ),
    expect_error(
        "error-in-stream",
        Reply((delta(content="Once upon"), b'data: {"error": {"message": "it crashed"}}\n\n')),
        error=("it crashed", "{host}"),
        partial="Once upon",
        requests=1,
    ),
    expect_error(
        "error-event",
        sends_text('event: error\ndata: {"message": "it is overloaded"}\n\n'),
        error=("it is overloaded",),
    ),
    expect_error(
        "malformed-event",
        Reply((delta(content="Once upon"), b"data: {oops\n\n")),
        error=("JSON",),
        partial="Once upon",
        requests=1,
    ),
    Scenario(
        "events-that-are-not-objects",
        (sends_text(encode_events(("42", "[]", '"x"', "null", "[[]]", *EVENTS))),),
        code=None,
    ),
    Scenario(
        "invalid-utf-8",
        (
            sends_text(
                encode_events((EVENTS[0], json.dumps(delta(content="?")), *EVENTS[2:])).replace(
                    "?", BAD
                )
            ),
        ),
        code=None,
        shown=("schön",),
    ),
    expect_error(
        "disconnect-in-text",
        sends(delta(content="Once upon"), Hangup()),
        DONE,
        error=("{host} closed the connection in the middle of the response",),
        partial="Once upon",
        requests=1,
    ),
    expect_error(
        "disconnect-in-arguments",
        sends(*calls("add", [HALF_ARGUMENTS]).parts, Hangup()),
        DONE,
        error=("closed the connection",),
        shown=(HALF_ARGUMENTS,),
        requests=1,
    ),
    expect_error(
        "not-http",
        Reply(before=(b"\x15\x03\x01 no HTTP\r\n\r\n", Hangup())),
        error=("{host}",),
        forever=True,
        stderr=(),
    ),
)

LONG_LINES = "\n".join(f"line {number} of a long answer" for number in range(200))
PARAGRAPH = "word " * 90 + "\n\n"

SIZES = (
    expect_answer("thousands-of-fragments", answers(LONG_LINES, size=1), answer=LONG_LINES),
    expect_answer(
        "64-kb-fragment",
        calls("final_answer", ['{"answer": "so: ', "word " * 13_000, 'end."}']),
        answer="so: " + "word " * 13_000 + "end.",
    ),
    expect_answer(
        "450-kb-answer",
        says(*[PARAGRAPH] * 1000, "end."),
        answer=PARAGRAPH * 1000 + "end.",
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "5-mb-argument",
        calls("add", ['{"x": "' + "a" * 5_000_000 + '", "y": 1}']),
        calls("b" * 1_000_000, x=1),
        DONE,
        answer="done",
        shown=("done",),
        results=("Error", "Error"),
        max_output=100_000,
    ),
    expect_error(
        "5-mb-error",
        fails(400, "so: " + "word " * 1_000_000),
        error=("400", "so: word"),
        max_output=20_000,
    ),
)

AGENT = (
    expect_error("empty-message", Reply(), error=("empty",)),
    expect_error("empty-stream", sends(), error=("empty",)),
    expect_error(
        "nothing-but-reasoning",
        Reply((delta(reasoning_content="Hm."), delta(content=""))),
        error=("empty",),
        reasoning="Hm.",
        shown=("Hm.",),
    ),
    expect_error(
        "refusal",
        Reply((delta(refusal="I must "), delta(refusal=unescape(r"not \x1b[2J[/red].")))),
        error=("refused", r"I must not \x1b[2J[/red]."),
    ),
    expect_error(
        "endless-tool-calls",
        calls("add", x=1, y=1),
        forever=True,
        error=("no answer after 3 steps",),
        arguments=("--max-steps", "3"),
        requests=3,
    ),
    expect_answer(
        "empty-answer-then-a-good-one",
        answers(""),
        answers("It is 3."),
        answer="It is 3.",
        results=("Error",),
    ),
)

EVIL = r"evil\x1b]0;x\x07\u202e"

ERRORS = (
    expect_error(
        "wrong-key",
        fails(401, f"no such key: {KEY}."),
        DONE,
        error=("401", "{host}", "no such key: sk-***.", "OPENAI_API_KEY"),
        requests=1,
    ),
    expect_error(
        "unknown-model",
        whole({"error": {"message": "gpt-4o-mini does not exist", "code": "model_not_found"}}, 404),
        DONE,
        models=lists("llama3.2", unescape(EVIL)),
        error=("404", "{host}", "gpt-4o-mini does not exist", "llama3.2", EVIL),
        requests=1,
    ),
    expect_error(
        "unknown-model-and-redirected-list",
        whole({"error": {"message": "gpt-4o-mini does not exist", "code": "model_not_found"}}, 404),
        models=Reply(status=307, headers={"Location": "{elsewhere}/models"}),
        error=("404", "gpt-4o-mini does not exist"),
    ),
    expect_error(
        "connection-refused", error=("{host}", "refused", "is the server running"), listening=False
    ),
    expect_error(
        "quota-exceeded",
        whole({"error": {"message": "You exceeded it", "code": "insufficient_quota"}}, 429),
        DONE,
        error=("429", "quota"),
        requests=1,
    ),
    expect_error(
        "html-error",
        page("<html><head><style>a{}</style></head><body><h1>Forbidden</h1>by nginx</body>", 403),
        DONE,
        error=("403", "Forbidden"),
        absent=("<h1", "<body", "<style", "a{}"),
        requests=1,
    ),
    expect_error(
        "fastapi-error",
        whole(
            {"detail": [{"loc": ["body", "n"], "msg": "field required", "type": "missing"}]}, 422
        ),
        DONE,
        error=("422", "field required"),
        requests=1,
    ),
    expect_error(
        "error-without-a-body",
        fails(400),
        DONE,
        error=("400", "{host}"),
        arguments=NO_TOOLS,
        requests=1,
    ),
    expect_error(
        "plain-text-error",
        Reply(
            status=400,
            body=b"first line\n\tsecond \xff line",
            headers={"Content-Type": "text/plain"},
        ),
        DONE,
        error=("first line second",),
        requests=1,
    ),
    expect_error(
        "malformed-error",
        whole({"error": {"message": {"a": [1, None]}, "code": []}}, 400),
        error=("400", "{host}"),
    ),
    expect_error(
        "openai-error", fails(400, "nope"), DONE, error=("400", "{host}", "nope"), requests=1
    ),
)

KEYS = (
    expect_answer(
        "key-one-character-at-a-time",
        Reply((*(delta(reasoning_content=each) for each in KEY), *says(*f"It is {KEY}!").parts)),
        answer=None,
        shown=("***!",),
        arguments=NO_TOOLS,
    ),
    expect_answer(
        "key-in-an-answer", answers(f"It is {KEY}!", size=1), answer=None, shown=("***!",)
    ),
    expect_answer(
        "key-in-escapes",
        calls(
            "final_answer", ['{"answer": "It is ', *(f"\\u{ord(each):04x}" for each in KEY), '!"}']
        ),
        answer=None,
        shown=("***!",),
    ),
    expect_answer(
        "key-in-a-call",
        calls(f"add-{KEY}", list(json.dumps({"x": KEY})), id=KEY),
        says(f"It is {KEY}!"),
        answer=None,
        shown=("***!",),
        stderr=("***",),
        arguments=VERBOSE,
    ),
    expect_error(
        "key-in-the-stream",
        sends(
            delta(refusal=KEY),
            delta(reasoning_content=KEY),
            b'data: {"error": {"message": "',
            KEY.encode(),
            b' is wrong"}}\n\n',
        ),
        error=("***", "is wrong"),
    ),
    expect_error(
        "key-in-a-traceback",
        fails(401, f"{KEY} is wrong"),
        error=("401", "sk-*** is wrong"),
        arguments=VERBOSE,
        stderr=("***",),
    ),
    expect_answer("prefix-of-the-key", says(f"It is {KEY[:20]}"), answer=f"It is {KEY[:20]}"),
    expect_answer(
        "key-with-a-newline", DONE, answer="done", variables={"OPENAI_API_KEY": f" {KEY}\r\n"}
    ),
    expect_error(
        "credentials-in-the-url",
        fails(403, "no"),
        error=("403",),
        credentials="user:s3cret-word@",
        absent=("s3cret-word",),
    ),
)


def expect_no_redirect(status: int) -> Scenario:
    """Expect that prompt and key do not follow a redirect to another server."""
    return expect_error(
        f"redirect-{status}",
        Reply(status=status, headers={"Location": f"{{elsewhere}}/chat/completions?key={KEY}"}),
        DONE,
        error=(str(status), "{host}", "redirects"),
        requests=1,
    )


def expect_retries(*statuses: int) -> Scenario:
    """Expect an answer at the third attempt."""
    name = "-".join(map(str, statuses))
    replies = (fails(status, "busy") for status in statuses)
    return expect_answer(f"retry-{name}", *replies, DONE, answer="done", requests=3, stderr=())


REDIRECTS = tuple(map(expect_no_redirect, (301, 302, 307, 308)))

RETRIES = (
    expect_retries(500, 502),
    expect_retries(503, 429),
    expect_retries(408, 409),
    expect_error(
        "retries-exhausted",
        *(fails(503, "busy"), fails(429, "busy"), fails(500, "still busy"), DONE),
        error=("500", "still busy"),
        requests=3,
        stderr=(),
    ),
    expect_error(
        "disconnect-before-the-headers",
        Reply(before=(Hangup(),)),
        forever=True,
        error=("{host}",),
        requests=3,
        stderr=(),
    ),
    expect_answer(
        "retry-after-1",
        fails(503, "busy", {"Retry-After": "1"}),
        DONE,
        answer="done",
        requests=2,
        min_delay=0.9,
        stderr=("1 s",),
    ),
    expect_error(
        "retry-after-100",
        fails(429, "busy", {"Retry-After": "100"}),
        DONE,
        error=("429", "busy", "100 s"),
        requests=1,
        max_seconds=60,
    ),
)

ALL = (
    *(*HOSTILE, *MARKUP, *TIME_OUTS, *CUT_OFF, *REQUESTS, *SHAPES_OF_CALLS, *SHAPES_OF_STREAMS),
    *(*SIZES, *AGENT, *ERRORS, *KEYS, *REDIRECTS, *RETRIES),
)
