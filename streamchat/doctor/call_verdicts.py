"""Judges the tool calls of a server, and whether their results can be sent back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from streamchat.agent.reply import Reply
from streamchat.doctor.findings import Finding, Verdict
from streamchat.doctor.response import Response
from streamchat.doctor.verdicts import OFFERED, find_fault, judge_finish_reason
from streamchat.tools.calls import CallError, check_arguments


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
    yield judge_finish_reason("finish reason of calls", called, "tool_calls", limited=limited)


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
    if fault := find_fault(seen):
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
    if fault := find_fault(seen):
        return Finding(subject, "wrong", fault, does)
    if not (seen.reply.calls or seen.reply.text.strip()):
        return Finding(subject, "wrong", "an empty message came back", does)
    came = "a call" if seen.reply.calls else "text"
    return Finding(subject, "ok", f"accepted; {came} came back", "sent after every call")


def judge_exchange(fields: Sequence[str], refused: Mapping[str, str]) -> Iterator[Finding]:
    """Judge what the server accepts when a call goes back with its result.

    Args:
        fields: the names of the extra fields that came with the call.
        refused: what the server said against the fields or against null content, if anything.
    """
    named = ", ".join(fields)
    if words := refused.get("fields"):
        yield Finding("extra fields", "different", f"refused: {words}", f"sent without {named}")
    elif fields:
        yield Finding("extra fields", "ok", named, "sent back with the result")
    if words := refused.get("null content"):
        yield Finding("null content", "different", f"refused: {words}", "sent as an empty string")
    else:
        yield Finding("null content", "ok", "accepted beside a call", "sent with every call")


def _join_unique(values: Sequence[Any]) -> str:
    """Return the values in order, each once."""
    return ", ".join(dict.fromkeys(map(str, values)))
