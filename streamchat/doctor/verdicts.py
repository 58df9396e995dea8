"""Judges what a server answers to a question: one finding for each part of the API."""

from __future__ import annotations

from collections.abc import Iterator

from streamchat.agent.leaked_calls import find_leaked_call
from streamchat.agent.reply import PARSER_IS_OFF, Reply
from streamchat.doctor.findings import TEXT, Finding, Verdict
from streamchat.doctor.probe import Failure
from streamchat.doctor.response import Response
from streamchat.events import ReasoningDelta, TextDelta
from streamchat.tools import TOOLS

MOST_TOKENS = 1024
"""Leaves room for reasoning, and stops a model that rambles."""
OFFERED = {tool.name: tool for tool in TOOLS if tool.name in ("add", "multiply")}
"""The tools that the model is asked to call."""
_NO_TOOLS = "questions fail, except with --no-tools"


def judge_system_role(refused: str) -> Finding:
    """Judge whether a request may have a system message.

    Args:
        refused: how the server refused it, or an empty string.
    """
    if refused:
        does = "instructions are put at the head of the first question"
        return Finding("system role", "different", f"refused: {refused}", does)
    return Finding("system role", "ok", "accepted", "holds the instructions")


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
    if fault := find_fault(said):
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


def find_fault(seen: Response) -> str:
    """Return why there is no message, or an empty string if there is one."""
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
    yield judge_finish_reason("finish reason of text", said, "stop", limited=limited)
    if said.raw.is_stream:
        yield _judge_end_of_stream(said)
    yield _judge_usage(said.reply)
    yield _judge_reasoning(said)


def judge_finish_reason(subject: str, seen: Response, usual: str, *, limited: bool) -> Finding:
    """Judge the finish reason of a message.

    Args:
        subject: of the finding.
        seen: the response.
        usual: the reason that the API has for it.
        limited: whether the request limited its length.
    """
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
    if fault := find_fault(called):
        return Finding(subject, "wrong", fault, _NO_TOOLS)
    if find_leaked_call(reply.text, OFFERED):
        return Finding(
            subject, "wrong", f"{otherwise}a call in the text: {PARSER_IS_OFF}", _NO_TOOLS
        )
    if reply.text.strip():
        seen = f"{otherwise}text and no call"
        return Finding(subject, "different", seen, "that text is the answer")
    return Finding(subject, "wrong", f"{otherwise}neither text nor call", _NO_TOOLS)


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
