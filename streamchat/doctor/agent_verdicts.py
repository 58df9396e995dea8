"""Judges what came of a question to the user's agent: one finding for each part of a turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from streamchat.agent.target.calls import RAN_CUT
from streamchat.agent.target.emitter import RESUME, summarize_request
from streamchat.agent.target.frames import describe_place
from streamchat.agent.target.graph import GraphPlay
from streamchat.agent.target.heartbeat import BLOCKED
from streamchat.agent.target.notebook import NotebookPlay
from streamchat.agent.target.play import Play
from streamchat.agent.target.silence import read_reason
from streamchat.agent.target.source import TargetSource
from streamchat.doctor.agent_trial import Trial
from streamchat.doctor.findings import ANSWER, Finding, make_safe
from streamchat.events import (
    ArgumentsDelta,
    InputRequested,
    Notice,
    OutputReceived,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)
from streamchat.text.redact import Redactor

_NETWORK = "check the network and the address of its model"
_ADVICE = {
    "AuthenticationError": "check the key of its model",
    "PermissionDeniedError": "check the key of its model and its permissions",
    "NotFoundError": "check the name and the address of its model",
    "RateLimitError": "try again later, or check the account's plan",
    **dict.fromkeys(("APIConnectionError", "ConnectError", "TimeoutException"), _NETWORK),
    "ConnectionError": _NETWORK,
}
"""What to do about errors that the libraries of models have, by the names of their classes."""


def judge_agent(source: TargetSource, trial: Trial, redactor: Redactor) -> list[Finding]:
    """Return what the agent is and how it has answered, without secrets."""
    findings = [*_judge_play(source.play), *_judge_turn(source.play, trial)]
    return [make_safe(finding, redactor) for finding in findings]


def find_traceback(source: TargetSource, trial: Trial) -> str:
    """Return the user's own frames, without secrets; empty if the fault is not in their code."""
    error = trial.failure
    if error is None or not describe_place(error):
        return ""
    # A tool may have lost a server of its own.
    is_own = not _find_advice(error) or type(error).__module__ == "builtins"
    return source.traceback if is_own else ""


def _judge_play(play: Play) -> Iterator[Finding]:
    does = "its own model, tools and instructions are used"
    yield Finding("agent", "ok", _describe(play), does)
    if isinstance(play, GraphPlay):
        yield _judge_checkpointer(play)
    listed = ", ".join(f"{tool.name}({', '.join(tool.parameters)})" for tool in play.tools)
    yield Finding("tools", "ok", listed or "none known", "calls are shown, with their results")


def _describe(play: Play) -> str:
    if not isinstance(play, GraphPlay):
        return play.name
    inner = f" (subgraphs: {', '.join(play.subgraphs)})" if play.subgraphs else ""
    nodes = f"node{'s' * (len(play.nodes) != 1)} {', '.join(play.nodes)}"
    return f"{play.name} with the {nodes}{inner}"


def _judge_checkpointer(play: GraphPlay) -> Finding:
    subject = "checkpointer"
    if play.checkpointer:
        return Finding(subject, "ok", play.checkpointer, "it remembers earlier turns")
    does = "earlier turns are sent along; the agent cannot stop to ask"
    return Finding(subject, "missing", "none", does)


def _judge_turn(play: Play, trial: Trial) -> Iterator[Finding]:
    yield Finding("question", "ok", trial.question, _describe_work(trial))
    yield _judge_answer(play, trial)
    for requested in trial.pick(InputRequested):
        does = f"asked in the chat; ask takes {RESUME}; cancelled here"
        yield Finding("interrupt", "ok", summarize_request(requested), does)
    if trial.pick(ToolCallStarted) or (play.tools and trial.pick(TurnDone)):
        yield _judge_arguments(trial)
    if steps := trial.pick(StepFinished):
        yield _judge_usage(steps)
        yield _judge_reasoning(trial)
    yield from _judge_rest(trial)


def _describe_work(trial: Trial) -> str:
    """Return what the question has cost: requests, and tools that ran."""
    count = len(trial.pick(StepStarted))
    requests = f"{count} model request{'s' * (count != 1)}"
    return f"{requests if count else 'no model request seen'}, {_list_run_tools(trial)}"


def _list_run_tools(trial: Trial) -> str:
    names = {call.call_id: call.name for call in trial.pick(ToolCallStarted)}
    failed = {event.call_id for event in trial.pick(ToolFinished) if event.failed}
    run = [event.call_id for event in trial.pick(ToolStarted)]
    listed = [f"{names[id]}{' (failed)' * (id in failed)}" for id in run if id in names]
    return f"tools that ran: {', '.join(listed)}" if listed else "no tool ran"


def _judge_answer(play: Play, trial: Trial) -> Finding:
    if trial.error:
        return _judge_failure(trial)
    if not trial.pick(TurnDone):
        seen = "none before it stops to ask" if trial.pick(InputRequested) else "none"
        return Finding(ANSWER, "different", seen, "continues once you have answered")
    if trial.pieces > 1:
        seen = f"{trial.pieces} pieces, the first after {trial.first_seconds or 0:.2f} s"
        return Finding(ANSWER, "ok", seen, "shown as it arrives")
    (done,) = trial.pick(TurnDone)
    why = _find_reason(play, trial)
    seen = f"all in one piece, after {done.seconds:.2f} s{f': {why}' if why else ''}"
    return Finding(ANSWER, "different", seen, "shown once complete")


def _judge_failure(trial: Trial) -> Finding:
    place = describe_place(trial.failure) if trial.failure else ""
    does = f"the question fails{f' at {place}' if place else ''}"
    return Finding(ANSWER, "wrong", trial.error, _find_advice(trial.failure) or does)


def _find_advice(error: BaseException | None) -> str:
    """Return what to do about an error of a network or a server; empty for any other."""
    names = [each.__name__ for each in type(error).__mro__]
    return next((_ADVICE[name] for name in names if name in _ADVICE), "")


def _find_reason(play: Play, trial: Trial) -> str:
    """Return why nothing streamed, as far as it is known."""
    for notice in trial.pick(Notice):
        if reason := read_reason(notice.text):
            return reason
    if trial.pick(StepStarted):
        return ""
    wanted = ": it needs callbacks=[streamer]" if isinstance(play, NotebookPlay) else ""
    return f"no model was seen{wanted}"


def _judge_arguments(trial: Trial) -> Finding:
    subject, calls = "call arguments", trial.pick(ToolCallStarted)
    if not calls:
        does = "ask a question that needs a tool to check"
        return Finding(subject, "missing", "no tool was called", does)
    counts = Counter(event.call_id for event in trial.pick(ArgumentsDelta))
    named = ", ".join(dict.fromkeys(call.name for call in calls))
    if max(counts.values(), default=0) < 2:
        return Finding(subject, "different", f"{named}: all in one piece", "shown at once")
    seen = f"{named}: {counts.total()} fragments in {len(calls)} call{'s' * (len(calls) != 1)}"
    return Finding(subject, "ok", seen, "shown as they arrive")


def _judge_usage(steps: Sequence[StepFinished]) -> Finding:
    came = sum(step.input_tokens or 0 for step in steps)
    went = sum(step.output_tokens or 0 for step in steps)
    if not came + went:
        does = "not shown below an answer (ChatOpenAI: stream_usage=True)"
        return Finding("usage", "missing", "no token counts", does)
    return Finding("usage", "ok", f"{came} tokens in, {went} out", "shown below an answer")


def _judge_reasoning(trial: Trial) -> Finding:
    count, apart = len(trial.pick(ReasoningDelta)), "shown apart from the answer"
    if not count:
        return Finding("reasoning", "ok", "none", f"any is {apart}")
    return Finding("reasoning", "ok", f"{count} piece{'s' * (count != 1)}", apart)


def _judge_rest(trial: Trial) -> Iterator[Finding]:
    """Judge what few agents do."""
    if speakers := dict.fromkeys(event.name for event in trial.pick(SpeakerChanged)):
        yield Finding("speakers", "ok", ", ".join(speakers), "named above what they say")
    if lines := trial.pick(OutputReceived):
        seen = f"{len(lines)} line{'s' * (len(lines) != 1)}, the first: {lines[0].text}"
        yield Finding("output", "ok", seen, "shown apart from the answer")
    for notice in trial.pick(Notice):
        if not read_reason(notice.text):
            yield _judge_notice(notice.text)


def _judge_notice(text: str) -> Finding:
    if RAN_CUT in text:
        return Finding(
            "cut-off call",
            "wrong",
            text,
            "LangChain completes such calls, and streamchat can only warn",
        )
    if BLOCKED in text:
        seen, _, does = text.partition("; ")
        return Finding("event loop", "different", seen, does)
    return Finding("notice", "different", text, "shown in the chat")
