"""Exports sessions: Markdown for people, plain values for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeAlias

from streamchat.agent.interrupted import INTERRUPTED
from streamchat.events import ANSWER_TOOL, ApprovalGiven, TimedEvent, add_version, to_dict
from streamchat.sessions.records import Session, StoredTurn, dump_arguments
from streamchat.text.sanitize import one_line, sanitize
from streamchat.turn import Block, Question, Speaker, ToolCall, fold
from streamchat.view.formatting import MAX_OUTPUT, format_speaker, format_tool_name
from streamchat.view.requests import describe_approval, describe_request

TurnWithEvents: TypeAlias = tuple[StoredTurn, Sequence[TimedEvent]]


def export(session: Session, turns: Iterable[TurnWithEvents], *, as_json: bool) -> str:
    """Return the text of a file with the session: a JSON document, or sanitized Markdown."""
    if as_json:
        return json.dumps(to_document(session, turns), indent=2, default=str) + "\n"
    return sanitize(to_markdown(session, turns))


def to_markdown(session: Session, turns: Iterable[TurnWithEvents]) -> str:
    """Return a session as Markdown; answers are copied verbatim and not sanitized."""
    head = [
        f"# {session.title or session.id}",
        f"Session {session.id}, {one_line(session.model, 80)}, {format_time(session.created)}",
    ]
    if session.system:
        head += ["## Instructions", _quote(session.system)]
    parts = [part for turn, events in turns for part in _format_turn(turn, events)]
    return "\n\n".join([*head, *parts]) + "\n"


def _format_turn(stored: StoredTurn, events: Sequence[TimedEvent]) -> list[str]:
    turn = fold(each.event for each in events)
    answer = [stored.answer] if stored.answer.strip() else []
    return [
        f"## {stored.number}",
        _quote(stored.question),
        *_format_blocks(turn.blocks),
        *answer,
        *_format_end(stored, turn.error),
    ]


def _format_blocks(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield the calls and the agent's questions, below the names of their nodes."""
    speaker = ""
    for block in blocks:
        match block:
            case Speaker(name):
                speaker = f"**{format_speaker(name)}**" if name else ""
                continue
            case ToolCall(name=name) if name != ANSWER_TOOL:
                shown = _format_call(block)
            case Question():
                shown = _format_question(block)
            case _:
                continue
        yield from [speaker] if speaker else []
        speaker = ""
        yield shown


def _format_question(question: Question) -> str:
    requests = describe_request(question.request)
    asked = [f"*[asked]* {one_line(' '.join(lines), MAX_OUTPUT)}" for lines in requests]
    answered = [] if question.answer is None else [f"*[answered]* {one_line(question.answer)}"]
    return "\n\n".join([*asked, *answered])


def _format_end(turn: StoredTurn, error: str) -> list[str]:
    match turn.status:
        case "cancelled":
            return [f"*{INTERRUPTED}*"]
        case "failed":
            return [f"*[failed]* {one_line(error)}".rstrip()]
        case _:
            return []


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _format_call(call: ToolCall) -> str:
    name = format_tool_name(call.name)
    outcome = {"done": "returned", "failed": "failed"}.get(call.state, "did not finish")
    parts = [f"Calling {name}", fence(dump_arguments(call), "json")]
    if given := call.approval:
        parts.append(f"*[{one_line(describe_approval(given))}]* {one_line(given.time)}".rstrip())
    output = [f"{name} {outcome}:", fence(call.output)] if call.output else [f"{name} {outcome}."]
    return "\n\n".join([*parts, *output])


def fence(text: str, language: str = "") -> str:
    """Return the text as a fenced code block that no backticks in the text can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    backticks = "`" * max(3, longest + 1)
    return f"{backticks}{language}\n{text}\n{backticks}"


def to_document(session: Session, turns: Iterable[TurnWithEvents]) -> dict[str, Any]:
    """Return a session with its turns and events as plain values; times are ISO 8601 in UTC."""
    times = {"created": format_time(session.created), "updated": format_time(session.updated)}
    plain = asdict(session) | times | {"turns": [turn_to_dict(*each) for each in turns]}
    return add_version({"session": plain})


def turn_to_dict(stored: StoredTurn, events: Sequence[TimedEvent]) -> dict[str, Any]:
    """Return a turn with its tool calls and events as plain values."""
    calls = [
        {
            "name": block.name,
            "arguments": block.arguments,
            "state": block.state,
            "output": block.output,
            "seconds": block.seconds,
            "approval": _to_plain(block.approval),
        }
        for block in fold(each.event for each in events).blocks
        if isinstance(block, ToolCall) and block.name != ANSWER_TOOL
    ]
    plain = asdict(stored) | {"started": format_time(stored.started), "calls": calls}
    return plain | {"events": [to_dict(each.event, each.at) for each in events]}


def _to_plain(given: ApprovalGiven | None) -> dict[str, Any] | None:
    """Return who decided about a call, what, why and when."""
    names = ("approved", "by", "reason", "arguments", "time")
    return None if given is None else {name: getattr(given, name) for name in names}


def format_time(seconds: float) -> str:
    """Return a time, in seconds since 1970, as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
