r"""What servers do to us, and what a person is to see of it: data only.

`test_scenarios` plays every scenario three times against the installed program. In the texts that
are expected, `{host}` stands for the server's host and port; in the headers that it sends,
`{elsewhere}` for the address of another server that nobody may ever ask.

Hostile text is written down the way it is to come out, `\x1b[2J`; `real` makes the true one of it.
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
SOON = ("--timeout", "1")
VERBOSE = ("--verbose",)


@dataclass(frozen=True)
class Scenario:
    """What a server answers, and what then has to happen.

    Attributes:
        replies: to the requests for a completion, in order; after them, or if `forever` never,
            comes an error.
        models: what the request for the list of models is answered with.
        code: the exit code; None if both 0 and 1 are in order.
        answer: what a pipe gets, without the last newline; None if it need not be so exact.
        original: the answer as --json tells it, if that is another.
        partial: what a pipe got of an answer that then failed.
        error: what the error says.
        shown: what is on the screen, and if `answer` is None once in the answer; by default the
            answer.
        reasoning: what the model thought, which is no part of the answer.
        absent: what is nowhere.
        requests: how many there are for a completion.
        results: how the results of the tools begin that the last request holds.
        waited: the seconds between the first two requests, at least.
        within: the seconds from the last request to the end, at most, if not only the limit for
            whatever hangs applies.
        announced: what standard error says besides the error; None if it has to say nothing.
        most: the characters that are written to a terminal, or to standard error, at most.
        arguments: what the command line holds besides the question.
        variables: what the environment holds besides the address and the key.
        login: what stands before the host in the address.
        listening: whether there is a server at all.
    """

    name: str
    replies: tuple[Reply, ...] = ()
    forever: bool = False
    models: Reply = field(default_factory=lambda: fails(404))
    code: int | None = 0
    answer: str | None = None
    original: str | None = None
    partial: str = ""
    error: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    reasoning: str = ""
    absent: tuple[str, ...] = ()
    requests: int | None = None
    results: tuple[str, ...] | None = None
    waited: float = 0
    within: float | None = None
    announced: tuple[str, ...] | None = None
    most: int | None = None
    question: str = "What is 10 + 10"
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    login: str = ""
    listening: bool = True


def done(name: str, *replies: Reply, answer: str | None, **expected: Any) -> Scenario:
    """A scenario that ends with an answer."""
    return Scenario(name, replies, answer=answer, **expected)


def failed(name: str, *replies: Reply, error: tuple[str, ...], **expected: Any) -> Scenario:
    """A scenario that ends with an error, whatever replies there are after that."""
    return Scenario(name, replies, code=1, error=error, **expected)


def real(spelled: str) -> str:
    """Returns the text that is to come out so."""
    return spelled.encode().decode("unicode_escape")


def hostile(name: str, spelled: str, **expected: Any) -> Scenario:
    """An answer that has to come out spelled like this on pipes and terminals."""
    reply = says(real(spelled))
    return done(name, reply, answer=spelled, original=real(spelled), arguments=NO_TOOLS, **expected)


def unended(*parts: Any) -> Reply:
    """A stream that says of itself neither why it ends nor that it does."""
    return Reply(parts, finish_reason=None, done=False)


def stream(*lines: str, split: bool = False) -> Reply:
    """A stream of just this text."""
    data = "".join(lines).encode("utf-8", "surrogateescape")
    return unended(data).but(split=_bytewise if split else None)


def _bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def _slowly(seconds: float, parts: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(chain.from_iterable((part, Pause(seconds)) for part in parts))


DONE = says("done")
HALF = '{"x": 10, "y": 1'
"""Arguments whose repair would be a sum nobody asked for."""
HALF_ANSWER = '{"answer": "Once upon'
SUM = '{"x": 1, "y": 2}'
PRODUCT = '{"x": 3, "y": 4}'

HOSTILE = (
    hostile("hostile-escapes", r"a\x1b[2Jb \x1b]0;owned\x07 \x1b]8;;http://a.example\x07c"),
    hostile(
        "hostile-controls",
        r"a\x00b\x08c\x0bd\x0ce\x7ff \x9b31m \x9d0;t\x9c \x85 100 euros\x0d  2 euros",
    ),
    hostile(
        "hostile-invisible",
        r"a\u061cb\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        r"c\u200b\u2060\ufeff\xad\u180e\U000e0041\U000e007f",
    ),
    failed(
        "hostile-error",
        fails(400, real(r"no\x1b[2J \u202e [/red] :smile: {x} %s <b>&amp;</b>\x07")),
        error=(r"no\x1b[2J \u202e [/red] :smile: {x} %s <b>&amp;</b>\x07",),
    ),
    done(
        "hostile-escape-in-pieces",
        answers(real(r"\x1b[31mred\x1b[0m"), size=1),
        answer=r"\x1b[31mred\x1b[0m",
        original=real(r"\x1b[31mred\x1b[0m"),
    ),
    done(
        "line-ends-of-windows",
        says("one\r", "\ntwo\r\n", "three"),
        answer="one\ntwo\nthree",
        original="one\r\ntwo\r\nthree",
        arguments=NO_TOOLS,
    ),
    done(
        "joiners-stay",
        says("می\u200cشود, 👨\u200d👩\u200d👧 family"),
        answer="می\u200cشود, 👨\u200d👩\u200d👧 family",
        shown=("family",),
    ),
    done(
        "halves-of-characters",
        says("a\ud83d", "\ude00b \ud83d", " c\ude00"),
        answer=r"a😀b \ud83d c\ude00",
        original="a😀b \ud83d c\ude00",
        arguments=NO_TOOLS,
    ),
    done(
        "hostile-call",
        calls(real(r"\x1b]0;x\x07add"), [real(r'{"x": "\x1b[2J\u202e\x9b"}')], id=real(r"\x1b[2J")),
        DONE,
        answer="done",
        shown=(r"\x1b]0;x\x07add", r"\x1b[2J\u202e\x9b", "done"),
        results=("Error",),
    ),
    done(
        "hostile-debug-lines",
        calls(real(r"\x1b[31madd"), [real(r'{"x": "\x9b\u202e"}')], id=real(r"\u2066")),
        says("done"),
        answer="done",
        announced=(r"\x1b[31madd", r"\x9b\u202e"),
        arguments=VERBOSE,
    ),
    done(
        "hostile-question",
        DONE,
        answer="done",
        question=real(r"\x1b[2J\u202e {x} {0} {{y}} %s {"),
        arguments=("--model", real(r"m\x1b[31m")),
        shown=(r"m\x1b[31m", "done"),
    ),
)

RICH = "[/red] [bold]x[/bold] [link=http://a.example]y[/link] :smile: :warning:"
PROMPT_TOOLKIT = "<b>x</b> &amp; &lt;y&gt; <ansired>z</ansired> <style fg='red'>"

MARKUP = (
    done(
        "markup-in-an-answer",
        says(f"{RICH} {PROMPT_TOOLKIT} [docs](http://a.example/x) ![pic](http://a.example/p.png)"),
        answer=f"{RICH} {PROMPT_TOOLKIT} [docs](http://a.example/x) ![pic](http://a.example/p.png)",
        shown=(RICH, PROMPT_TOOLKIT, "docs"),
        arguments=NO_TOOLS,
    ),
    done(
        "markup-in-a-call",
        calls("[/red]add", x="[link=x]y[/link] :smile: <b>&amp;"),
        DONE,
        answer="done",
        shown=("[/red]add", "[link=x]y[/link] :smile: <b>&amp;", "done"),
    ),
)


def timed_out(name: str, *parts: Any, reply: Reply | None = None, **expected: Any) -> Scenario:
    """A reply that a second later is given up, and not asked for again."""
    return failed(
        name,
        reply or unended(*parts),
        DONE,
        error=("timed out", "{host}", "--timeout"),
        **{"requests": 1, "arguments": SOON} | expected,
    )


PINGS = _slowly(0.3, repeat(b": ping\n\n", 60))
EMPTY_CHUNKS = (
    *(delta(content=""), delta(role="assistant"), delta(content=None), delta()),
    *({"choices": []}, {"choices": [{"index": 0, "delta": None}]}, delta(tool_calls=[])),
)

TIME_OUTS = (
    timed_out("no-headers", reply=Reply(before=(NEVER,))),
    timed_out("no-first-byte", NEVER),
    timed_out(
        "a-gap-in-the-text",
        delta(content="Once upon"),
        NEVER,
        partial="Once upon",
        arguments=(*SOON, *NO_TOOLS),
    ),
    timed_out("a-gap-in-the-arguments", *calls("add", [HALF]).parts, NEVER, shown=(HALF,)),
    timed_out("pings-are-no-progress", *PINGS),
    timed_out("empty-chunks-are-no-progress", *_slowly(0.3, EMPTY_CHUNKS * 8)),
    failed(
        "an-error-that-never-ends",
        Reply((b'{"error": {"message": "no', NEVER), status=400),
        error=("{host}",),
        arguments=SOON,
    ),
    failed(
        "a-list-of-models-that-never-comes",
        whole({"error": {"message": "no such model", "code": "model_not_found"}}, 404),
        models=Reply(before=(NEVER,)),
        error=("404", "no such model"),
        arguments=SOON,
    ),
    done(
        "slow-but-steady",
        Reply(_slowly(0.8, [delta(reasoning_content="hm ")] * 4 + [delta(content="on ")] * 4)),
        answer="on on on on ",
        reasoning="hm hm hm hm ",
        arguments=("--timeout", "5", *NO_TOOLS),
    ),
    done(
        "a-body-that-never-ends",
        unended(delta(content="It is 20."), ends(), NEVER),
        answer="It is 20.",
    ),
    done(
        "a-body-that-never-ends-after-calls",
        unended(*calls("add", x=1, y=2).parts, ends("tool_calls"), NEVER),
        unended(*answers("It is 3.").parts, ends("tool_calls"), NEVER),
        answer="It is 3.",
        results=("3",),
    ),
)

CUT_OFF = (
    failed(
        "length-in-the-text",
        says("Once", " upon").but(finish_reason="length"),
        error=("cut off", "length"),
        partial="Once upon",
        arguments=NO_TOOLS,
        requests=1,
    ),
    failed(
        "filter-in-text-beside-tools",
        says("Once upon").but(finish_reason="content_filter"),
        error=("cut off", "content_filter"),
        partial="Once upon",
        requests=1,
    ),
    failed(
        "length-in-the-arguments",
        (calls("add", id="a", x=1, y=2) + calls("add", [HALF])).but(finish_reason="length"),
        error=("cut off", "length"),
        shown=(SUM, HALF),
        absent=('"tool_started"',),
        requests=1,
    ),
    failed(
        "length-in-the-answer",
        calls("final_answer", [HALF_ANSWER]).but(finish_reason="length"),
        error=("cut off", "length"),
        partial="Once upon",
    ),
    failed(
        "end-in-the-arguments",
        calls("add", [HALF]).but(finish_reason=None),
        error=("inside the arguments of add", HALF),
        shown=(HALF,),
        requests=1,
    ),
    failed(
        "end-in-the-answer",
        calls("final_answer", [HALF_ANSWER]).but(finish_reason=None, done=False),
        error=("inside the arguments of final_answer",),
        partial="Once upon",
    ),
    failed(
        "end-in-the-text",
        unended(*says("Once", " upon").parts),
        error=("cut off",),
        partial="Once upon",
        arguments=NO_TOOLS,
    ),
    done(
        "half-arguments-that-are-said-to-be-whole",
        calls("add", [HALF])
        + calls("add", [SUM + "}"], id="b")
        + calls("add", [SUM[:-1] + ",}"], id="c"),
        DONE,
        answer="done",
        results=("Error", "Error", "Error"),
    ),
    done(
        "whole-arguments-without-an-end",
        unended(*calls("add", x=1, y=2).parts),
        unended(*answers("It is 3.").parts),
        answer="It is 3.",
        results=("3",),
    ),
    done("only-done-at-the-end", says("It is 3.").but(finish_reason=None), answer="It is 3."),
)

STRANGE_ARGUMENTS = (
    *('{"x": NaN, "y": 1}', '{"x": 1e999, "y": 1}', r'{"x": "\ud83d", "y": 1}', "[1, 2]", '"x"'),
    *("null", "{'x': 1, 'y': 2}", '{"x": ' + "9" * 5000 + ', "y": 1}', '{"x": "1", "y": 2}'),
)


def call_of_add(**fields: Any) -> Reply:
    """A whole call in one chunk, with this id or without one."""
    return Reply((call_delta(name="add", arguments=SUM, **fields),), finish_reason="tool_calls")


def together(*replies: Reply) -> Reply:
    """One message of all the calls."""
    first, *others = replies
    for each in others:
        first += each
    return first


VALID = (
    done(
        "calls-without-proper-ids",
        call_of_add() + call_of_add(id=""),
        says("so \ud83d") + call_of_add(id=7),
        call_of_add(id="\ud83d"),
        DONE,
        answer="done",
        results=("3",) * 4,
    ),
    done(
        "the-same-id-again",
        calls("add", id="a", x=1, y=2) + calls("multiply", id="a", x=3, y=4),
        calls("add", id="a", x=5, y=6),
        DONE,
        answer="done",
        results=("3", "12", "11"),
    ),
    done(
        "names-that-cannot-be-sent",
        together(
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
    done(
        "arguments-that-cannot-be-sent",
        together(*(calls("add", [each], id=f"c{n}") for n, each in enumerate(STRANGE_ARGUMENTS))),
        DONE,
        answer="done",
        results=("Error",) * len(STRANGE_ARGUMENTS),
    ),
    done(
        "arguments-nested-too-deeply",
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
"""Of the smallest kind: without id, model and role."""
INDENTED = [json.dumps(json.loads(each), indent=1) for each in EVENTS[:-1]]
SILENT = (
    *('{"choices": [], "prompt_filter_results": []}', '{"choices": null}', "{}"),
    *('{"choices": [{"index": 0, "delta": null}]}', '{"choices": [{"index": 0}], "usage": null}'),
    '{"choices": [{"delta": {"role": null, "content": null, "tool_calls": null}}]}',
    '{"choices": [], "usage": {"prompt_tokens": 1}}',
)


def told(name: str, *replies: Reply, **expected: Any) -> Scenario:
    """A stream that says what EVENTS do."""
    return done(name, *replies, **{"answer": "schön 😀 3"} | expected)


BAD = "\udcff\udcfe"
"""Two bytes that are no character."""


def written(events: Iterable[str], ending: str = "\n", before: str = "data: ") -> str:
    """The events as they are on the wire."""
    return "".join(f"{before}{each}{ending}{ending}" for each in events)


def event_of_many_lines(text: str) -> str:
    """One event of as many lines as the text has."""
    return "".join(f"data: {line}\n" for line in text.split("\n")) + "\n"


WHOLE_CALLS = [
    {"id": "b", "function": {"name": "add", "arguments": {"x": 1, "y": 2}}},
    {"id": "c", "function": {"name": "multiply", "arguments": PRODUCT}},
]

SHAPES_OF_CALLS = (
    done(
        "index-missing-or-shifted-or-a-legacy-function",
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
    done(
        "id-and-name-repeated-or-all-in-one-chunk",
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
    done(
        "index-always-the-same",
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
    done(
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
    done(
        "text-beside-a-call",
        (says("Let me add.") + calls("add", x=1, y=2)).but(finish_reason="stop"),
        DONE,
        answer="done",
        shown=("Let me add.", "done"),
        results=("3",),
    ),
    done(
        "calls-that-are-not-streamed",
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

THOUGHT = r"The user \x1b[2J\u202egreets me."

SHAPES_OF_STREAMS = (
    done(
        "reasoning-beside-text",
        Reply(
            (
                delta(reasoning_content=real(THOUGHT[:15])),
                delta(reasoning=real(THOUGHT[15:])),
                delta(content="Hello."),
            )
        ),
        answer="Hello.",
        shown=(THOUGHT, "Hello."),
        reasoning=real(THOUGHT),
    ),
    told(
        "text-in-parts",
        Reply(
            (
                delta(content=[{"type": "text", "text": "schön "}]),
                delta(content=[{"type": "text", "text": "😀 "}, {"type": "text", "text": "3"}]),
            )
        ),
    ),
    told("chunks-that-say-nothing", stream(written((*SILENT, *EVENTS[:-1], *SILENT, EVENTS[-1])))),
    told("line-ends-crlf", stream(written(EVENTS, ending="\r\n"), split=True)),
    told("line-ends-cr", stream(written(EVENTS, ending="\r"), split=True)),
    told(
        "other-fields",
        stream(": hello\n\n", written(EVENTS, before="event: message\nid: 7\nretry: 1\n:x\ndata:")),
    ),
    told("events-of-many-lines", stream("\ufeff", *map(event_of_many_lines, INDENTED), split=True)),
    told("no-blank-line-at-the-end", stream(written(EVENTS[:-1]).rstrip("\n"))),
    told("gzip", gzipped(stream(written(EVENTS)))),
    failed(
        "an-error-that-is-called-a-success",
        whole({"error": {"message": "out of memory"}}),
        error=("out of memory", "{host}"),
    ),
    failed(
        "a-web-page",
        page("<!doctype html><html><head><title>Sign in</title></head><body><h1>Hi</h1></body>"),
        error=("web page", "Sign in"),
        absent=("<title", "<body", "<h1", "<!doctype"),
    ),
    failed(
        "an-error-in-the-stream",
        Reply((delta(content="Once upon"), b'data: {"error": {"message": "it crashed"}}\n\n')),
        error=("it crashed", "{host}"),
        partial="Once upon",
        requests=1,
    ),
    failed(
        "an-event-called-error",
        stream('event: error\ndata: {"message": "it is overloaded"}\n\n'),
        error=("it is overloaded",),
    ),
    failed(
        "an-event-that-is-not-json",
        Reply((delta(content="Once upon"), b"data: {oops\n\n")),
        error=("JSON",),
        partial="Once upon",
        requests=1,
    ),
    Scenario(
        "events-that-are-no-objects",
        (stream(written(("42", "[]", '"x"', "null", "[[]]", *EVENTS))),),
        code=None,
    ),
    Scenario(
        "bytes-that-are-not-utf-8",
        (
            stream(
                written((EVENTS[0], json.dumps(delta(content="?")), *EVENTS[2:])).replace("?", BAD)
            ),
        ),
        code=None,
        shown=("schön",),
    ),
    failed(
        "broken-off-in-the-text",
        unended(delta(content="Once upon"), Hangup()),
        DONE,
        error=("{host} closed the connection",),
        partial="Once upon",
        requests=1,
    ),
    failed(
        "broken-off-in-the-arguments",
        unended(*calls("add", [HALF]).parts, Hangup()),
        DONE,
        error=("closed the connection",),
        shown=(HALF,),
        requests=1,
    ),
    failed(
        "not-http",
        Reply(before=(b"\x15\x03\x01 no HTTP\r\n\r\n", Hangup())),
        error=("{host}",),
        forever=True,
        announced=(),
    ),
)

LONG_LINES = "\n".join(f"line {number} of a long answer" for number in range(400))
WORDS = "word " * 90 + "\n\n"

SIZES = (
    done("ten-thousand-fragments", answers(LONG_LINES, size=1), answer=LONG_LINES),
    done(
        "one-fragment-of-64-kb",
        calls("final_answer", ['{"answer": "so: ', "word " * 13_000, 'end."}']),
        answer="so: " + "word " * 13_000 + "end.",
    ),
    done(
        "an-answer-of-450-kb",
        says(*[WORDS] * 1000, "end."),
        answer=WORDS * 1000 + "end.",
        arguments=NO_TOOLS,
    ),
    done(
        "an-argument-of-5-mb",
        calls("add", ['{"x": "' + "a" * 5_000_000 + '", "y": 1}']),
        calls("b" * 1_000_000, x=1),
        DONE,
        answer="done",
        shown=("done",),
        results=("Error", "Error"),
        most=100_000,
    ),
    failed(
        "an-error-of-5-mb",
        fails(400, "so: " + "word " * 1_000_000),
        error=("400", "so: word"),
        most=20_000,
    ),
)

LOOP = (
    failed("no-text-at-all", Reply(), error=("empty",)),
    failed("nothing-at-all", unended(), error=("empty",)),
    failed(
        "reasoning-and-nothing-else",
        Reply((delta(reasoning_content="Hm."), delta(content=""))),
        error=("empty",),
        reasoning="Hm.",
        shown=("Hm.",),
    ),
    failed(
        "a-refusal",
        Reply((delta(refusal="I must "), delta(refusal=real(r"not \x1b[2J[/red].")))),
        error=("refused", r"I must not \x1b[2J[/red]."),
    ),
    failed(
        "tool-calls-without-end",
        calls("add", x=1, y=1),
        forever=True,
        error=("no answer after 3 steps",),
        arguments=("--max-steps", "3"),
        requests=3,
    ),
    done(
        "an-empty-answer-and-a-better-one",
        answers(""),
        answers("It is 3."),
        answer="It is 3.",
        results=("Error",),
    ),
)

EVIL = r"evil\x1b]0;x\x07\u202e"

ERRORS = (
    failed(
        "wrong-key",
        fails(401, f"no such key: {KEY}."),
        DONE,
        error=("401", "{host}", "no such key: sk-***.", "OPENAI_API_KEY"),
        requests=1,
    ),
    failed(
        "unknown-model",
        whole({"error": {"message": "gpt-4o-mini does not exist", "code": "model_not_found"}}, 404),
        DONE,
        models=lists("llama3.2", real(EVIL)),
        error=("404", "{host}", "gpt-4o-mini does not exist", "llama3.2", EVIL),
        requests=1,
    ),
    failed(
        "unknown-model-and-a-list-that-moved",
        whole({"error": {"message": "gpt-4o-mini does not exist", "code": "model_not_found"}}, 404),
        models=Reply(status=307, headers={"Location": "{elsewhere}/models"}),
        error=("404", "gpt-4o-mini does not exist"),
    ),
    failed("nobody-listens", error=("{host}", "refused", "is the server running"), listening=False),
    failed(
        "quota",
        whole({"error": {"message": "You exceeded it", "code": "insufficient_quota"}}, 429),
        DONE,
        error=("429", "quota"),
        requests=1,
    ),
    failed(
        "error-as-a-web-page",
        page("<html><head><style>a{}</style></head><body><h1>Forbidden</h1>by nginx</body>", 403),
        DONE,
        error=("403", "Forbidden"),
        absent=("<h1", "<body", "<style", "a{}"),
        requests=1,
    ),
    failed(
        "error-as-fastapi-has-it",
        whole(
            {"detail": [{"loc": ["body", "n"], "msg": "field required", "type": "missing"}]}, 422
        ),
        DONE,
        error=("422", "field required"),
        requests=1,
    ),
    failed(
        "error-without-words",
        fails(400),
        DONE,
        error=("400", "{host}"),
        arguments=NO_TOOLS,
        requests=1,
    ),
    failed(
        "error-as-text",
        Reply(
            status=400,
            body=b"first line\n\tsecond \xff line",
            headers={"Content-Type": "text/plain"},
        ),
        DONE,
        error=("first line second",),
        requests=1,
    ),
    failed(
        "error-of-a-strange-form",
        whole({"error": {"message": {"a": [1, None]}, "code": []}}, 400),
        error=("400", "{host}"),
    ),
    failed("plain-error", fails(400, "nope"), DONE, error=("400", "{host}", "nope"), requests=1),
)

KEYS = (
    done(
        "key-by-characters",
        Reply((*(delta(reasoning_content=each) for each in KEY), *says(*f"It is {KEY}!").parts)),
        answer=None,
        shown=("***!",),
        arguments=NO_TOOLS,
    ),
    done("key-in-an-answer", answers(f"It is {KEY}!", size=1), answer=None, shown=("***!",)),
    done(
        "key-in-escapes",
        calls(
            "final_answer", ['{"answer": "It is ', *(f"\\u{ord(each):04x}" for each in KEY), '!"}']
        ),
        answer=None,
        shown=("***!",),
    ),
    done(
        "key-in-a-call",
        calls(f"add-{KEY}", list(json.dumps({"x": KEY})), id=KEY),
        says(f"It is {KEY}!"),
        answer=None,
        shown=("***!",),
        announced=("***",),
        arguments=VERBOSE,
    ),
    failed(
        "key-in-the-stream",
        unended(
            delta(refusal=KEY),
            delta(reasoning_content=KEY),
            b'data: {"error": {"message": "',
            KEY.encode(),
            b' is wrong"}}\n\n',
        ),
        error=("***", "is wrong"),
    ),
    failed(
        "key-in-a-traceback",
        fails(401, f"{KEY} is wrong"),
        error=("401", "sk-*** is wrong"),
        arguments=VERBOSE,
        announced=("***",),
    ),
    done("what-begins-like-the-key", says(f"It is {KEY[:20]}"), answer=f"It is {KEY[:20]}"),
    done("key-with-a-line-end", DONE, answer="done", variables={"OPENAI_API_KEY": f" {KEY}\r\n"}),
    failed(
        "login-in-the-address",
        fails(403, "no"),
        error=("403",),
        login="user:s3cret-word@",
        absent=("s3cret-word",),
    ),
)


def redirects(status: int) -> Scenario:
    """A server that sends us, and with us prompt and key, to another."""
    return failed(
        f"redirect-{status}",
        Reply(status=status, headers={"Location": f"{{elsewhere}}/chat/completions?key={KEY}"}),
        DONE,
        error=(str(status), "{host}", "redirects"),
        requests=1,
    )


def recovers(*statuses: int) -> Scenario:
    """A server that is itself again the third time."""
    name = "-".join(map(str, statuses))
    replies = (fails(status, "busy") for status in statuses)
    return done(f"retry-{name}", *replies, DONE, answer="done", requests=3, announced=())


REDIRECTS = tuple(map(redirects, (301, 302, 307, 308)))

RETRIES = (
    recovers(500, 502),
    recovers(503, 429),
    recovers(408, 409),
    failed(
        "retry-in-vain",
        *(fails(503, "busy"), fails(429, "busy"), fails(500, "still busy"), DONE),
        error=("500", "still busy"),
        requests=3,
        announced=(),
    ),
    failed(
        "closed-before-the-headers",
        Reply(before=(Hangup(),)),
        forever=True,
        error=("{host}",),
        requests=3,
        announced=(),
    ),
    done(
        "retry-after-1",
        fails(503, "busy", {"Retry-After": "1"}),
        DONE,
        answer="done",
        requests=2,
        waited=0.9,
        announced=("1 s",),
    ),
    failed(
        "retry-after-100",
        fails(429, "busy", {"Retry-After": "100"}),
        DONE,
        error=("429", "busy", "100 s"),
        requests=1,
        within=60,
    ),
)

ALL = (
    *(*HOSTILE, *MARKUP, *TIME_OUTS, *CUT_OFF, *VALID, *SHAPES_OF_CALLS, *SHAPES_OF_STREAMS),
    *(*SIZES, *LOOP, *ERRORS, *KEYS, *REDIRECTS, *RETRIES),
)
