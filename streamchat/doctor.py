"""Examines a server: a few small requests, and what streamchat makes of what comes back.

The chunks are looked at as they came. What the agent would have read in them is told by the very
code that reads them for it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from streamchat.chunks import ChunkDecoder, Reply
from streamchat.events import Event, ReasoningDelta, TextDelta
from streamchat.findings import TEXT, Finding, Verdict
from streamchat.models.body import Chunk
from streamchat.models.probe import Failure, Observation, Probe, described
from streamchat.models.shapes import generation_chunk
from streamchat.safe import one_line, without_credentials, without_secrets
from streamchat.tools import TOOLS
from streamchat.tools.calls import CallError, checked_arguments, sendable_arguments

_MOST_TOKENS = 1024
"""Enough for a model that thinks first; one that rambles is stopped."""
_MOST_SHOWN = 250
_NO_SUCH_MODEL = "streamchat-doctor-no-such-model"
_OFFERED = {tool.name: tool for tool in TOOLS if tool.name in ("add", "multiply")}
_NO_QUESTION = "no question can be answered"
_NO_TOOLS = "questions fail, except with --no-tools"

_Message: TypeAlias = dict[str, Any]
_HELLO: list[_Message] = [{"role": "user", "content": "Say hello."}]
_SUM: list[_Message] = [{"role": "user", "content": "What is 17 + 25? Call the tool add."}]
_TWO_SUMS: list[_Message] = [
    {
        "role": "user",
        "content": "Add 1 and 2, and multiply 3 by 4. Call both tools at once, in one message.",
    }
]


class _LostError(Exception):
    """The server does not answer any more, or never did; the message says why."""


async def diagnosis(probe: Probe) -> list[Finding]:
    """Returns what `examine` finds out, and closes the connections."""
    try:
        return await examine(probe)
    finally:
        await probe.aclose()


async def examine(probe: Probe) -> list[Finding]:
    """Returns what the server does, in the order of the requests, without secrets.

    Where one request fails for want of a connection, of time or of the right key, the rest is not
    tried.
    """
    findings: list[Finding] = []
    try:
        async for finding in _checks(probe):
            findings.append(finding)
    except _LostError as lost:
        so_far = "the rest was not tried" if findings else _NO_QUESTION
        findings.append(Finding("server", "wrong", str(lost), so_far))
    return [_harmless(finding, probe.secrets) for finding in findings]


def _harmless(finding: Finding, secrets: Sequence[str]) -> Finding:
    """Returns the finding without secrets, and without what a terminal would take for a command."""
    observed = without_credentials(without_secrets(finding.observed, secrets))
    consequence = without_secrets(finding.consequence, secrets)
    return replace(
        finding, observed=one_line(observed, _MOST_SHOWN), consequence=one_line(consequence)
    )


async def _checks(probe: Probe) -> AsyncIterator[Finding]:
    requests = _Requests(probe)
    names = await probe.models()
    said = await requests.ask(_HELLO)
    yield _model_list(names, probe.model)
    yield _text(said)
    for option, words in requests.refused.items():
        yield Finding(f"option {option}", "different", f"refused: {words}", "left out from then on")
    if said.failure:
        return
    for finding in _about_text(said, requests):
        yield finding
    async for finding in _tool_checks(requests):
        yield finding
    yield _unknown_model(await requests.send(_HELLO, model=_NO_SUCH_MODEL), names)


async def _tool_checks(requests: _Requests) -> AsyncIterator[Finding]:
    offer: dict[str, Any] = {"tools": described(list(_OFFERED.values())), "tool_choice": "required"}
    called = await requests.ask(_SUM, **offer)
    yield _required_choice(called)
    if called.failure and called.failure.refuses_tools:
        offer["tool_choice"] = "auto"
        called = await requests.ask(_SUM, **offer)
        yield _free_choice(called)
    if not called.reply.calls or called.failure:
        return
    for finding in _about_calls(called, requests):
        yield finding
    yield _parallel(await requests.ask(_TWO_SUMS, **offer))
    yield _result(await requests.ask(_SUM + _exchange(called.reply), **offer))


class _Requests:
    """Sends requests as streamchat does, and leaves out of them what the server refuses.

    Attributes:
        refused: the options that were refused, and the server's words about them.
    """

    def __init__(self, probe: Probe) -> None:
        self.refused: dict[str, str] = {}
        self._probe = probe
        self._options: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "max_tokens": _MOST_TOKENS,
        }
        if probe.temperature is not None:
            self._options["temperature"] = probe.temperature

    @property
    def limited(self) -> bool:
        """Whether the length of a message is limited by the request."""
        return "max_tokens" in self._options

    async def ask(self, messages: list[_Message], **more: Any) -> _Seen:
        """Returns what came.

        Raises:
            _LostError: there is no use in asking further.
        """
        seen = await self.send(messages, **more)
        if seen.failure and seen.failure.final:
            raise _LostError(seen.failure.words)
        return seen

    async def send(self, messages: list[_Message], **more: Any) -> _Seen:
        """Returns what came, of whatever kind."""
        basis = {"model": self._probe.model, "messages": messages, "stream": True}
        while True:
            seen = _Seen(await self._probe.ask(basis | self._options | more))
            if not (option := self._refused_option(seen.failure)):
                return seen
            del self._options[option]
            # The limit is the doctor's own: streamchat has none that could be refused.
            if option != "max_tokens" and seen.failure:
                self.refused[option] = seen.failure.said

    def _refused_option(self, failure: Failure | None) -> str:
        named = (name for name in self._options if failure and name in failure.complaint)
        return next(named, "")


@dataclass
class _Seen:
    """What came of a request, as it came, and as it is read."""

    raw: Observation

    @property
    def failure(self) -> Failure | None:
        return self.raw.failure

    @property
    def reply(self) -> Reply:
        """The message as the agent reads it."""
        return self._read[0]

    def count(self, kind: type[Event]) -> int:
        """Returns how many events of a kind the agent makes of it."""
        return sum(1 for event in self._read[1] if isinstance(event, kind))

    @cached_property
    def _read(self) -> tuple[Reply, list[Event]]:
        decoder = ChunkDecoder()
        events: list[Event] = []
        for chunk in self.raw.chunks:
            read = generation_chunk(chunk)
            message = read.message
            message.response_metadata = read.generation_info or {}
            events += decoder.feed(message)  # type: ignore[arg-type]  # it is one of an AI
        rest, reply = decoder.finish()
        return reply, events + rest

    @property
    def deltas(self) -> list[dict[str, Any]]:
        """The pieces of the message."""
        return [delta for chunk in self.raw.chunks if (delta := _delta(chunk))]

    @property
    def fragments(self) -> list[dict[str, Any]]:
        """The pieces of tool calls."""
        lists = (delta.get("tool_calls") for delta in self.deltas)
        each = (call for calls in lists for call in (calls if isinstance(calls, list) else [calls]))
        return [call for call in each if isinstance(call, dict)]

    def of_functions(self, name: str) -> list[Any]:
        """Returns this field of the fragments' functions, where it holds anything."""
        functions = (call.get("function") for call in self.fragments)
        found = (each.get(name) for each in functions if isinstance(each, dict))
        return [each for each in found if each not in (None, "")]

    @property
    def indexes(self) -> list[Any]:
        return [call.get("index") for call in self.fragments]

    @property
    def ids(self) -> list[str]:
        return [str(call["id"]) for call in self.fragments if call.get("id")]


def _delta(chunk: Chunk) -> dict[str, Any]:
    match chunk:
        case {"choices": [{"delta": dict(delta)}, *_]} | {
            "choices": [{"message": dict(delta)}, *_]
        }:
            return delta
        case _:
            return {}


def _model_list(names: list[str] | Failure, model: str) -> Finding:
    verdict: Verdict
    if isinstance(names, Failure):
        verdict, seen = "missing", names.brief
    elif not names:
        verdict, seen = "missing", "it names none"
    elif model in names:
        verdict, seen = "ok", f"{model} is one of {len(names)}"
    else:
        seen = f"{model} is not one of: {', '.join(names)}"
        return Finding("model list", "different", seen, f"{model} is asked for all the same")
    told = verdict == "ok"
    does = f"the names are {'' if told else 'not '}told where one is unknown to the server"
    return Finding("model list", verdict, seen, does)


def _text(said: _Seen) -> Finding:
    reply, raw = said.reply, said.raw
    count = said.count(TextDelta)
    after = f"after {raw.first_seconds or 0:.2f} s"
    if fault := _fault(said):
        return Finding(TEXT, "wrong", fault, "the question fails")
    if not reply.text.strip():
        calls = ", a tool call that was not asked for" if reply.calls else ""
        return Finding(TEXT, "wrong", f"no text{calls}", "questions without tools fail")
    if reply.broken_off:
        seen = "the stream ends without finish_reason or [DONE]"
        return Finding(TEXT, "wrong", seen, "it may be cut off, so it fails")
    if not raw.is_stream:
        return Finding(TEXT, "different", f"one JSON text, {after}", "shown when it is whole")
    if count < 2:
        return Finding(TEXT, "different", f"all in one chunk, {after}", "shown when it is whole")
    return Finding(TEXT, "ok", f"{count} chunks, the first {after}", "shown as it comes")


def _fault(seen: _Seen) -> str:
    """Returns why there is no message at all, or an empty text."""
    if seen.failure:
        return seen.failure.words
    refusal = seen.reply.refusal.strip()
    return f"the model refused: {refusal}" if refusal else ""


def _about_text(said: _Seen, requests: _Requests) -> Iterator[Finding]:
    yield _finish_reason("finish reason of text", said, "stop", limited=requests.limited)
    if said.raw.is_stream:
        yield _end_of_stream(said)
    yield _usage(said.reply)
    yield _reasoning(said)


def _finish_reason(subject: str, seen: _Seen, usual: str, *, limited: bool) -> Finding:
    reply = seen.reply
    reason = reply.finish_reason
    if reason is None:
        return Finding(subject, "missing", "none", _without_reason(reply))
    if reply.cut_off and reason == "length" and limited:
        asked = f"length, within the {_MOST_TOKENS} tokens that were asked for"
        return Finding(subject, "different", asked, "a message that is cut off fails")
    if reply.cut_off:
        return Finding(subject, "wrong", reason, "it says that the message is cut off, which fails")
    verdict: Verdict = "ok" if reason == usual else "different"
    return Finding(subject, verdict, reason, "the message counts as whole")


def _without_reason(reply: Reply) -> str:
    if reply.calls:
        return "calls are run if their arguments are whole"
    if reply.broken_off:
        return "without [DONE] a text may be cut off, so it fails"
    return "the end of the stream is enough"


def _end_of_stream(said: _Seen) -> Finding:
    if said.raw.done:
        return Finding("end of stream", "ok", "[DONE]", "the message ends there")
    does = "it may be cut off, so it fails" if said.reply.broken_off else "finish_reason is enough"
    return Finding("end of stream", "missing", "no [DONE]", does)


def _usage(reply: Reply) -> Finding:
    came, went = reply.input_tokens, reply.output_tokens
    if came is None or went is None:
        return Finding("usage", "missing", "no token counts", "shown as unknown")
    return Finding("usage", "ok", f"{came} tokens in, {went} out", "shown below an answer")


def _reasoning(said: _Seen) -> Finding:
    fields = {name for delta in said.deltas for name, value in delta.items() if value}
    named = ", ".join(sorted(name for name in fields if "reason" in name or "think" in name))
    if said.count(ReasoningDelta):
        where = f"in {named or 'parts of the content'}"
        return Finding("reasoning", "ok", where, "shown apart from the answer")
    if named:
        return Finding("reasoning", "different", f"in {named}", "not shown")
    if said.reply.text.lstrip().startswith("<think"):
        return Finding("reasoning", "different", "in the text", "shown as a part of the answer")
    return Finding("reasoning", "ok", "none", "any is shown apart from the answer")


def _required_choice(called: _Seen) -> Finding:
    subject = "required tool choice"
    if called.failure and called.failure.refuses_tools:
        does = "asks again with a free choice of tools"
        return Finding(subject, "different", f"refused: {called.failure.brief}", does)
    if called.failure:
        return Finding(subject, "wrong", called.failure.words, _NO_TOOLS)
    return _choice(subject, called, "asked for with every message", otherwise="ignored: ")


def _free_choice(called: _Seen) -> Finding:
    subject = "free tool choice"
    if called.failure and called.failure.refuses_tools:
        does = "asks again without tools"
        return Finding(subject, "missing", f"refused: {called.failure.brief}", does)
    if called.failure:
        return Finding(subject, "wrong", called.failure.words, _NO_TOOLS)
    return _choice(subject, called, "the model chooses with every message")


def _choice(subject: str, called: _Seen, does: str, *, otherwise: str = "") -> Finding:
    reply = called.reply
    if reply.calls:
        return Finding(subject, "ok", "a call was made", does)
    if fault := _fault(called):
        return Finding(subject, "wrong", fault, _NO_TOOLS)
    if reply.text.strip():
        seen = f"{otherwise}text and no call"
        return Finding(subject, "different", seen, "such a text is the answer")
    return Finding(subject, "wrong", f"{otherwise}neither text nor call", _NO_TOOLS)


def _about_calls(called: _Seen, requests: _Requests) -> Iterator[Finding]:
    legacy = any(delta.get("function_call") for delta in called.deltas)
    if legacy and not called.fragments:
        yield Finding("tool calls", "different", "a function_call", "read as a tool call")
    else:
        yield _index(called)
        yield _id(called)
        yield _name(called)
    yield _arguments(called)
    yield _finish_reason("finish reason of calls", called, "tool_calls", limited=requests.limited)


def _index(called: _Seen) -> Finding:
    subject = "call index"
    there = [index for index in called.indexes if index is not None]
    shown = _listed(there)
    if not there:
        if not called.raw.is_stream:
            return Finding(subject, "ok", "none, which only a stream needs", "calls are whole")
        does = "what comes goes on with the call before, or begins one with a name and an id"
        return Finding(subject, "missing", "none", does)
    if any(not isinstance(index, int) for index in there):
        does = "read as a number, if it is one"
        return Finding(subject, "different", f"{shown} as a text", does)
    if len(set(there)) > len(called.reply.calls):
        return Finding(subject, "different", f"{shown} within a call", "put together all the same")
    if min(there) > 0:
        return Finding(subject, "different", f"it begins with {min(there)}", "any number will do")
    return Finding(subject, "ok", shown, "the fragments are put together by it")


def _id(called: _Seen) -> Finding:
    subject, ids, calls = "call id", called.ids, called.reply.calls
    if not ids:
        return Finding(subject, "missing", "none", f"one is made up: {calls[0].call_id}")
    if calls[0].call_id != ids[0]:
        does = f"replaced by {calls[0].call_id}"
        return Finding(subject, "different", f"it cannot be sent back: {ids[0]}", does)
    if len(set(ids)) > len(calls):
        return Finding(subject, "different", "a new one in every fragment", "the first one counts")
    if len(ids) > len(calls):
        return Finding(subject, "different", "repeated in every fragment", "it counts once")
    return Finding(subject, "ok", ids[0], "sent back with the result")


def _name(called: _Seen) -> Finding:
    subject, names, calls = "call name", called.of_functions("name"), called.reply.calls
    if any(not call.name for call in calls):
        does = "the call is not run, and the model is told"
        return Finding(subject, "wrong", f"none in {len(calls)} calls", does)
    if unknown := [call.name for call in calls if call.name not in _OFFERED]:
        does = "the model is told that there is no such tool"
        return Finding(subject, "wrong", f"not one that was offered: {unknown[0]}", does)
    if len(names) > len(calls):
        return Finding(subject, "different", "repeated in every fragment", "it counts once")
    return Finding(subject, "ok", calls[0].name, "shown before the arguments")


def _arguments(called: _Seen) -> Finding:
    subject, call = "call arguments", called.reply.calls[0]
    pieces = called.of_functions("arguments")
    if fault := _unreadable(called.reply):
        return Finding(subject, "wrong", fault, "the call is not run, and the model is told why")
    if any(not isinstance(piece, str) for piece in pieces):
        seen = f"an object instead of a text: {call.arguments}"
        return Finding(subject, "different", seen, "written as JSON")
    if len(pieces) < 2:
        seen = f"all in one chunk: {call.arguments}"
        return Finding(subject, "different", seen, "shown at once")
    seen = f"{len(pieces)} fragments: {call.arguments}"
    return Finding(subject, "ok", seen, "shown as they come")


def _unreadable(reply: Reply) -> str:
    """Returns why a call would not be run, or an empty text."""
    for call in reply.calls:
        if not (tool := _OFFERED.get(call.name)):
            return f"no tool is called {call.name!r}: {call.arguments}"
        try:
            checked_arguments(tool, call.arguments or "{}")
        except CallError as error:
            return f"{error}: {call.arguments}"
    return ""


def _parallel(seen: _Seen) -> Finding:
    subject, reply = "parallel calls", seen.reply
    count = len(reply.calls)
    if fault := _fault(seen):
        return Finding(subject, "wrong", fault, "the question fails")
    if fault := _unreadable(reply):
        does = "what cannot be read is not run, and the model is told why"
        return Finding(subject, "wrong", f"{_calls(count)}; {fault}", does)
    if count < 2:
        return Finding(subject, "missing", _calls(count), "calls come one message after another")
    verdict, how = _told_apart(seen, count)
    shown = _listed([index for index in seen.indexes if index is not None])
    numbered = f"index {shown}" if shown else "no index"
    return Finding(subject, verdict, f"{_calls(count)}, {numbered}", f"told apart by {how}")


def _calls(count: int) -> str:
    return f"{count} call{'s' * (count != 1)}"


def _told_apart(seen: _Seen, count: int) -> tuple[Verdict, str]:
    if not seen.raw.is_stream:
        return "ok", "their places"
    if len({str(index) for index in seen.indexes if index is not None}) == count:
        return "ok", "the index"
    if len(set(seen.ids)) == count:
        return "different", "their ids"
    return "different", "their names, and by where the arguments end"


def _exchange(reply: Reply) -> list[_Message]:
    """Returns a call and its result as the agent sends them back."""
    call = reply.calls[0]
    arguments = json.dumps(sendable_arguments(call.arguments))
    function = {"name": "add", "arguments": arguments}
    made = [{"type": "function", "id": call.call_id, "function": function}]
    return [
        {"role": "assistant", "content": None, "tool_calls": made},
        {"role": "tool", "content": "42", "tool_call_id": call.call_id},
    ]


def _result(seen: _Seen) -> Finding:
    subject, does = "tool result", "a question fails after its first call"
    if fault := _fault(seen):
        return Finding(subject, "wrong", fault, does)
    if not (seen.reply.calls or seen.reply.text.strip()):
        return Finding(subject, "wrong", "an empty message came back", does)
    came = "a call" if seen.reply.calls else "text"
    return Finding(subject, "ok", f"taken: {came} came back", "sent after every call")


def _unknown_model(seen: _Seen, names: list[str] | Failure) -> Finding:
    subject, failure = "unknown model", seen.failure
    if failure is None:
        return Finding(subject, "different", "any name is taken", "a wrong --model is not noticed")
    if not failure.said:
        return Finding(subject, "different", failure.brief, "told in words of streamchat's")
    if failure.status is None:
        seen_so = f"an error in the stream: {failure.said}"
        return Finding(subject, "different", seen_so, "told in these words")
    more = ", with the models there are" if failure.unknown_model and _any(names) else ""
    return Finding(subject, "ok", failure.brief, f"told in these words{more}")


def _any(names: list[str] | Failure) -> bool:
    return isinstance(names, list) and bool(names)


def _listed(values: Sequence[Any]) -> str:
    """Returns the values, each once, in their order."""
    return ", ".join(dict.fromkeys(map(str, values)))
