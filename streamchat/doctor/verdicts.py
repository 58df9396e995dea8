"""Judges the responses of a server: one finding for each part of the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from streamchat.agent.reply import Reply
from streamchat.doctor.findings import TEXT, Finding, Verdict
from streamchat.doctor.probe import Failure
from streamchat.doctor.response import Response
from streamchat.events import ReasoningDelta, TextDelta
from streamchat.tools import TOOLS
from streamchat.tools.calls import CallError, check_arguments

MOST_TOKENS = 1024
"""Leaves room for reasoning, and stops a model that rambles."""
OFFERED = {tool.name: tool for tool in TOOLS if tool.name in ("add", "multiply")}
"""The tools that the model is asked to call."""
_NO_TOOLS = "questions fail, except with --no-tools"


def judge_model_list(names: list[str] | Failure, model: str) -> Finding:
    """Judge whether the server lists its models, and this one among them."""
    verdict: Verdict
    if isinstance(names, Failure):
        verdict, seen = "missing", names.brief
    elif not names:
        verdict, seen = "missing", "no models listed"
    elif model in names:
        verdict, seen = "ok", f"{model} is one of {len(names)}"
    else:
        seen = f"{model} is not one of: {', '.join(names)}"
        return Finding("model list", "different", seen, f"{model} is requested anyway")
    does = f"{'' if verdict == 'ok' else 'not '}suggested when a model is unknown"
    return Finding("model list", verdict, seen, does)


def judge_text(said: Response) -> Finding:
    """Judge whether text arrived; without it the server cannot be used."""
    reply, raw = said.reply, said.raw
    count = said.count(TextDelta)
    after = f"after {raw.first_seconds or 0:.2f} s"
    if fault := _find_fault(said):
        return Finding(TEXT, "wrong", fault, "the question fails")
    if not reply.text.strip():
        calls = ", but an unrequested tool call" if reply.calls else ""
        return Finding(TEXT, "wrong", f"no text{calls}", "questions without tools fail")
    if reply.broken_off:
        seen = "the stream ends without finish_reason or [DONE]"
        return Finding(TEXT, "wrong", seen, "possibly truncated, so the question fails")
    if not raw.is_stream:
        return Finding(TEXT, "different", f"one JSON text, {after}", "shown once complete")
    if count < 2:
        return Finding(TEXT, "different", f"all in one chunk, {after}", "shown once complete")
    return Finding(TEXT, "ok", f"{count} chunks, the first {after}", "shown as it arrives")


def _find_fault(seen: Response) -> str:
    """Return why there is no message, or an empty string."""
    if seen.failure:
        return seen.failure.words
    refusal = seen.reply.refusal.strip()
    return f"the model refused: {refusal}" if refusal else ""


def judge_text_details(said: Response, *, limited: bool) -> Iterator[Finding]:
    """Judge how text ends, and what comes with it.

    Args:
        said: the response.
        limited: whether the request limited its length.
    """
    yield _judge_finish_reason("finish reason of text", said, "stop", limited=limited)
    if said.raw.is_stream:
        yield _judge_end_of_stream(said)
    yield _judge_usage(said.reply)
    yield _judge_reasoning(said)


def _judge_finish_reason(subject: str, seen: Response, usual: str, *, limited: bool) -> Finding:
    reply = seen.reply
    reason = reply.finish_reason
    if reason is None:
        return Finding(subject, "missing", "none", _describe_missing_reason(reply))
    if reply.cut_off and reason == "length" and limited:
        asked = f"length, within the {MOST_TOKENS} tokens requested"
        return Finding(subject, "different", asked, "truncated messages fail")
    if reply.cut_off:
        return Finding(subject, "wrong", reason, "truncated messages fail")
    verdict: Verdict = "ok" if reason == usual else "different"
    return Finding(subject, verdict, reason, "treated as complete")


def _describe_missing_reason(reply: Reply) -> str:
    if reply.calls:
        return "calls run if their arguments are complete"
    if reply.broken_off:
        return "without [DONE] text may be truncated, so the question fails"
    return "the end of the stream is enough"


def _judge_end_of_stream(said: Response) -> Finding:
    if said.raw.done:
        return Finding("end of stream", "ok", "[DONE]", "the message ends there")
    does = (
        "possibly truncated, so the question fails"
        if said.reply.broken_off
        else "finish_reason is enough"
    )
    return Finding("end of stream", "missing", "no [DONE]", does)


def _judge_usage(reply: Reply) -> Finding:
    came, went = reply.input_tokens, reply.output_tokens
    if came is None or went is None:
        return Finding("usage", "missing", "no token counts", "not shown below an answer")
    return Finding("usage", "ok", f"{came} tokens in, {went} out", "shown below an answer")


def _judge_reasoning(said: Response) -> Finding:
    fields = {name for delta in said.deltas for name, value in delta.items() if value}
    named = ", ".join(sorted(name for name in fields if "reason" in name or "think" in name))
    apart = "shown apart from the answer"
    if said.count(ReasoningDelta):
        in_parts = any(isinstance(delta.get("content"), list) for delta in said.deltas)
        if named or in_parts:
            where = named or "parts of the content"
            return Finding("reasoning", "ok", f"in {where}", apart)
        return Finding("reasoning", "different", "in tags in the text", apart)
    if named:
        return Finding("reasoning", "different", f"in {named}", "not shown")
    return Finding("reasoning", "ok", "none", f"any is {apart}")


def judge_required_choice(called: Response) -> Finding:
    """Judge whether the model can be made to call a tool."""
    subject = "required tool choice"
    if refused := _find_refusal(called):
        return Finding(subject, "different", refused, "retried with a free choice of tools")
    return _judge_choice(subject, called, "required with every message", otherwise="ignored: ")


def judge_free_choice(called: Response) -> Finding:
    """Judge whether the model calls a tool by its own choice."""
    subject = "free tool choice"
    if refused := _find_refusal(called):
        return Finding(subject, "missing", refused, "retried without tools")
    return _judge_choice(subject, called, "the model chooses with every message")


def _find_refusal(called: Response) -> str:
    """Return how the server refused the tools or the choice, or an empty string."""
    failure = called.failure
    return f"refused: {failure.brief}" if failure and failure.refuses_tools else ""


def _judge_choice(subject: str, called: Response, does: str, *, otherwise: str = "") -> Finding:
    reply = called.reply
    if reply.calls and not called.failure:
        return Finding(subject, "ok", "a call was made", does)
    if fault := _find_fault(called):
        return Finding(subject, "wrong", fault, _NO_TOOLS)
    if reply.text.strip():
        seen = f"{otherwise}text and no call"
        return Finding(subject, "different", seen, "that text is the answer")
    return Finding(subject, "wrong", f"{otherwise}neither text nor call", _NO_TOOLS)


def judge_calls(called: Response, *, limited: bool) -> Iterator[Finding]:
    """Judge the parts of tool calls.

    Args:
        called: the response.
        limited: whether the request limited its length.
    """
    legacy = any(delta.get("function_call") for delta in called.deltas)
    if legacy and not called.fragments:
        yield Finding("tool calls", "different", "a function_call", "read as a tool call")
    else:
        yield _judge_index(called)
        yield _judge_id(called)
        yield _judge_name(called)
    yield _judge_arguments(called)
    yield _judge_finish_reason("finish reason of calls", called, "tool_calls", limited=limited)


def _judge_index(called: Response) -> Finding:
    subject = "call index"
    there = [index for index in called.indexes if index is not None]
    shown = _join_unique(there)
    if not there:
        if not called.raw.is_stream:
            return Finding(subject, "ok", "none; only streams need one", "calls arrive complete")
        does = "fragments continue the previous call; a name and an ID start a new one"
        return Finding(subject, "missing", "none", does)
    if any(not isinstance(index, int) for index in there):
        does = "read as a number, if it is one"
        return Finding(subject, "different", f"{shown}, not an integer", does)
    if len(set(there)) > len(called.reply.calls):
        return Finding(subject, "different", f"{shown} within a call", "joined anyway")
    if min(there) > 0:
        return Finding(subject, "different", f"starts at {min(there)}", "any start is accepted")
    return Finding(subject, "ok", shown, "fragments are joined by index")


def _judge_id(called: Response) -> Finding:
    subject, ids, calls = "call id", called.ids, called.reply.calls
    if not ids:
        return Finding(subject, "missing", "none", f"generated: {calls[0].call_id}")
    if calls[0].call_id != ids[0]:
        does = f"replaced by {calls[0].call_id}"
        return Finding(subject, "different", f"not valid in a request: {ids[0]}", does)
    if len(set(ids)) > len(calls):
        return Finding(subject, "different", "a new one in every fragment", "the first is used")
    if len(ids) > len(calls):
        return Finding(
            subject, "different", "repeated in every fragment", "the repeats are ignored"
        )
    return Finding(subject, "ok", ids[0], "sent back with the result")


def _judge_name(called: Response) -> Finding:
    subject, names, calls = "call name", called.function_values("name"), called.reply.calls
    if any(not call.name for call in calls):
        does = "not run; the error is reported to the model"
        return Finding(subject, "wrong", f"none in {len(calls)} calls", does)
    if unknown := [call.name for call in calls if call.name not in OFFERED]:
        does = "reported to the model as an unknown tool"
        return Finding(subject, "wrong", f"not an offered tool: {unknown[0]}", does)
    if len(names) > len(calls):
        return Finding(
            subject, "different", "repeated in every fragment", "the repeats are ignored"
        )
    return Finding(subject, "ok", calls[0].name, "shown before the arguments")


def _judge_arguments(called: Response) -> Finding:
    subject, call = "call arguments", called.reply.calls[0]
    pieces = called.function_values("arguments")
    if fault := _find_invalid_call(called.reply):
        return Finding(subject, "wrong", fault, "not run; the error is reported to the model")
    if any(not isinstance(piece, str) for piece in pieces):
        seen = f"an object instead of a string: {call.arguments}"
        return Finding(subject, "different", seen, "written as JSON")
    if len(pieces) < 2:
        seen = f"all in one chunk: {call.arguments}"
        return Finding(subject, "different", seen, "shown at once")
    seen = f"{len(pieces)} fragments: {call.arguments}"
    return Finding(subject, "ok", seen, "shown as they arrive")


def _find_invalid_call(reply: Reply) -> str:
    """Return why a call would not run, or an empty string."""
    for call in reply.calls:
        if not (tool := OFFERED.get(call.name)):
            return f"unknown tool {call.name!r}: {call.arguments}"
        try:
            check_arguments(tool, call.arguments or "{}")
        except CallError as error:
            return f"{error}: {call.arguments}"
    return ""


def judge_parallel_calls(seen: Response) -> Finding:
    """Judge whether one message can hold two calls, and what separates them."""
    subject, reply = "parallel calls", seen.reply
    count = len(reply.calls)
    if fault := _find_fault(seen):
        return Finding(subject, "wrong", fault, "the question fails")
    if fault := _find_invalid_call(reply):
        does = "invalid calls are not run; the errors are reported to the model"
        return Finding(subject, "wrong", f"{_count_calls(count)}; {fault}", does)
    if count < 2:
        return Finding(subject, "missing", _count_calls(count), "one call per message")
    verdict, how = _find_separator(seen, count)
    shown = _join_unique([index for index in seen.indexes if index is not None])
    numbered = f"index {shown}" if shown else "no index"
    return Finding(subject, verdict, f"{_count_calls(count)}, {numbered}", f"separated by {how}")


def _count_calls(count: int) -> str:
    return f"{count} call{'s' * (count != 1)}"


def _find_separator(seen: Response, count: int) -> tuple[Verdict, str]:
    if not seen.raw.is_stream:
        return "ok", "position"
    if len({str(index) for index in seen.indexes if index is not None}) == count:
        return "ok", "index"
    if len(set(seen.ids)) == count:
        return "different", "ID"
    return "different", "name and the end of their arguments"


def judge_result(seen: Response) -> Finding:
    """Judge whether the result of a call can be sent back."""
    subject, does = "tool result", "a question fails after its first call"
    if fault := _find_fault(seen):
        return Finding(subject, "wrong", fault, does)
    if not (seen.reply.calls or seen.reply.text.strip()):
        return Finding(subject, "wrong", "an empty message came back", does)
    came = "a call" if seen.reply.calls else "text"
    return Finding(subject, "ok", f"accepted; {came} came back", "sent after every call")


def judge_unknown_model(seen: Response, names: list[str] | Failure) -> Finding:
    """Judge what the server says about a model it does not have."""
    subject, failure = "unknown model", seen.failure
    if failure is None:
        return Finding(
            subject, "different", "any name is accepted", "a wrong --model goes unnoticed"
        )
    if not failure.said:
        return Finding(subject, "different", failure.brief, "replaced by streamchat's own message")
    if failure.status is None:
        seen_so = f"an error in the stream: {failure.said}"
        return Finding(subject, "different", seen_so, "shown as is")
    more = ", with the models it has" if failure.unknown_model and _has_names(names) else ""
    return Finding(subject, "ok", failure.brief, f"shown as is{more}")


def _has_names(names: list[str] | Failure) -> bool:
    return isinstance(names, list) and bool(names)


def _join_unique(values: Sequence[Any]) -> str:
    """Return the values in order, each once."""
    return ", ".join(dict.fromkeys(map(str, values)))
