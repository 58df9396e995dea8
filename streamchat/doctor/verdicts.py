"""What is to be said of what came of a request, one finding for each part of the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from streamchat.agent.reply import Reply
from streamchat.doctor.findings import TEXT, Finding, Verdict
from streamchat.doctor.probe import Failure
from streamchat.doctor.seen import Seen
from streamchat.events import ReasoningDelta, TextDelta
from streamchat.tools import TOOLS
from streamchat.tools.calls import CallError, check_arguments

MOST_TOKENS = 1024
"""Enough for a model that thinks first; one that rambles is stopped."""
OFFERED = {tool.name: tool for tool in TOOLS if tool.name in ("add", "multiply")}
"""The tools that a model is asked to call."""
_NO_TOOLS = "questions fail, except with --no-tools"


def model_list(names: list[str] | Failure, model: str) -> Finding:
    """Tells whether the server names its models, and this one among them."""
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


def text(said: Seen) -> Finding:
    """Tells whether a text came; without one the server cannot be used."""
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


def _fault(seen: Seen) -> str:
    """Returns why there is no message at all, or an empty text."""
    if seen.failure:
        return seen.failure.words
    refusal = seen.reply.refusal.strip()
    return f"the model refused: {refusal}" if refusal else ""


def about_text(said: Seen, *, limited: bool) -> Iterator[Finding]:
    """Tells how a text ended, and what came beside it.

    Args:
        said: what came.
        limited: whether the request limited its length.
    """
    yield _finish_reason("finish reason of text", said, "stop", limited=limited)
    if said.raw.is_stream:
        yield _end_of_stream(said)
    yield _usage(said.reply)
    yield _reasoning(said)


def _finish_reason(subject: str, seen: Seen, usual: str, *, limited: bool) -> Finding:
    reply = seen.reply
    reason = reply.finish_reason
    if reason is None:
        return Finding(subject, "missing", "none", _without_reason(reply))
    if reply.cut_off and reason == "length" and limited:
        asked = f"length, within the {MOST_TOKENS} tokens that were asked for"
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


def _end_of_stream(said: Seen) -> Finding:
    if said.raw.done:
        return Finding("end of stream", "ok", "[DONE]", "the message ends there")
    does = "it may be cut off, so it fails" if said.reply.broken_off else "finish_reason is enough"
    return Finding("end of stream", "missing", "no [DONE]", does)


def _usage(reply: Reply) -> Finding:
    came, went = reply.input_tokens, reply.output_tokens
    if came is None or went is None:
        return Finding("usage", "missing", "no token counts", "not shown below an answer")
    return Finding("usage", "ok", f"{came} tokens in, {went} out", "shown below an answer")


def _reasoning(said: Seen) -> Finding:
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


def required_choice(called: Seen) -> Finding:
    """Tells whether the model can be made to call a tool."""
    subject = "required tool choice"
    if refused := _refused(called):
        return Finding(subject, "different", refused, "asks again with a free choice of tools")
    return _choice(subject, called, "asked for with every message", otherwise="ignored: ")


def free_choice(called: Seen) -> Finding:
    """Tells whether the model calls a tool of its own will."""
    subject = "free tool choice"
    if refused := _refused(called):
        return Finding(subject, "missing", refused, "asks again without tools")
    return _choice(subject, called, "the model chooses with every message")


def _refused(called: Seen) -> str:
    """Returns how the tools or the choice were turned down, or an empty text."""
    failure = called.failure
    return f"refused: {failure.brief}" if failure and failure.refuses_tools else ""


def _choice(subject: str, called: Seen, does: str, *, otherwise: str = "") -> Finding:
    reply = called.reply
    if reply.calls and not called.failure:
        return Finding(subject, "ok", "a call was made", does)
    if fault := _fault(called):
        return Finding(subject, "wrong", fault, _NO_TOOLS)
    if reply.text.strip():
        seen = f"{otherwise}text and no call"
        return Finding(subject, "different", seen, "such a text is the answer")
    return Finding(subject, "wrong", f"{otherwise}neither text nor call", _NO_TOOLS)


def about_calls(called: Seen, *, limited: bool) -> Iterator[Finding]:
    """Tells of what calls are made of.

    Args:
        called: what came.
        limited: whether the request limited its length.
    """
    legacy = any(delta.get("function_call") for delta in called.deltas)
    if legacy and not called.fragments:
        yield Finding("tool calls", "different", "a function_call", "read as a tool call")
    else:
        yield _index(called)
        yield _id(called)
        yield _name(called)
    yield _arguments(called)
    yield _finish_reason("finish reason of calls", called, "tool_calls", limited=limited)


def _index(called: Seen) -> Finding:
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


def _id(called: Seen) -> Finding:
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


def _name(called: Seen) -> Finding:
    subject, names, calls = "call name", called.of_functions("name"), called.reply.calls
    if any(not call.name for call in calls):
        does = "the call is not run, and the model is told"
        return Finding(subject, "wrong", f"none in {len(calls)} calls", does)
    if unknown := [call.name for call in calls if call.name not in OFFERED]:
        does = "the model is told that there is no such tool"
        return Finding(subject, "wrong", f"not one that was offered: {unknown[0]}", does)
    if len(names) > len(calls):
        return Finding(subject, "different", "repeated in every fragment", "it counts once")
    return Finding(subject, "ok", calls[0].name, "shown before the arguments")


def _arguments(called: Seen) -> Finding:
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
        if not (tool := OFFERED.get(call.name)):
            return f"no tool is called {call.name!r}: {call.arguments}"
        try:
            check_arguments(tool, call.arguments or "{}")
        except CallError as error:
            return f"{error}: {call.arguments}"
    return ""


def parallel(seen: Seen) -> Finding:
    """Tells whether two calls can come in one message, and how they are told apart."""
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


def _told_apart(seen: Seen, count: int) -> tuple[Verdict, str]:
    if not seen.raw.is_stream:
        return "ok", "their places"
    if len({str(index) for index in seen.indexes if index is not None}) == count:
        return "ok", "the index"
    if len(set(seen.ids)) == count:
        return "different", "their ids"
    return "different", "their names, and by where the arguments end"


def result(seen: Seen) -> Finding:
    """Tells whether the result of a call can be sent back."""
    subject, does = "tool result", "a question fails after its first call"
    if fault := _fault(seen):
        return Finding(subject, "wrong", fault, does)
    if not (seen.reply.calls or seen.reply.text.strip()):
        return Finding(subject, "wrong", "an empty message came back", does)
    came = "a call" if seen.reply.calls else "text"
    return Finding(subject, "ok", f"taken: {came} came back", "sent after every call")


def unknown_model(seen: Seen, names: list[str] | Failure) -> Finding:
    """Tells what the server says of a model that it has not."""
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
