"""Folds the events of a turn into its state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from streamchat.events import (
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    OutputReceived,
    PromptProgress,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    TimedEvent,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.turn.blocks import Code, Note, Prose, Question, Reasoning, Speaker
from streamchat.turn.state import Turn


def reduce(turn: Turn, event: Event) -> Turn:
    """Return the turn after the event.

    Raises:
        ValueError: the event belongs to a call that has not started.
    """
    match event:
        case TurnStarted(question, model):
            return Turn(question=question, model=model)
        case StepStarted(step):
            return replace(turn, step=step, prompt_progress=None, message_at=len(turn.blocks))
        case PromptProgress():
            return replace(turn, prompt_progress=event)
        case TextDelta(text):
            return turn.with_text(Prose, text)
        case ReasoningDelta(text):
            return turn.with_text(Reasoning, text)
        case AnswerDelta(text, call_id):
            return turn.with_answer(text, call_id)
        case CodeDelta(text):
            return turn.with_text(Code, text)
        case ToolCallStarted(call_id, name):
            return turn.with_new_call(call_id, name)
        case ArgumentsDelta(call_id, fragment):
            fragments = turn.call(call_id).fragments.append(fragment)
            return turn.with_call(call_id, fragments=fragments)
        case ApprovalRequested(call_id, _, arguments):
            return turn.with_call(call_id, arguments=arguments, state="waiting")
        case ApprovalGiven(call_id, arguments=edited):
            changes = {} if edited is None else {"arguments": edited}
            return turn.with_call(call_id, approval=event, **changes)
        case ToolStarted(call_id, arguments):
            return turn.with_call(call_id, arguments=arguments, state="running")
        case ToolFinished():
            return turn.with_end(event)
        case StepFinished():
            return _with_step(turn, event)
        case SpeakerChanged(name, depth):
            return turn.with_speaker(Speaker(name, depth))
        case OutputReceived(text):
            return turn.with_output(text)
        case InputRequested():
            return turn.with_block_above_calls(Question(event))
        case InputReceived(request_id, answer):
            return turn.with_input(request_id, answer)
        case TurnDone(answer, tools_used, seconds):
            whole = turn.with_whole_answer(answer)
            return replace(whole, status="done", tools_used=tools_used, seconds=seconds)
        case TurnFailed(error, seconds):
            return replace(turn, status="failed", error=error, seconds=seconds)
        case TurnCancelled(seconds):
            return replace(turn, status="cancelled", seconds=seconds)
        case Notice(text):
            return replace(turn, blocks=(*turn.blocks, Note(text)))
        case ChunkReceived():
            return turn
        case _:
            assert_never(event)


def advance(turn: Turn, timed: TimedEvent) -> Turn | None:
    """Return the turn after an event that was recorded, with its time.

    None if the event does not fit the ones before it, as in a store edited by hand.
    """
    try:
        after = reduce(turn, timed.event)
    except ValueError:
        return None
    return after if timed.at is None else replace(after, at=timed.at)


def accumulate(events: Iterable[TimedEvent]) -> Iterator[tuple[Turn, Event]]:
    """Yield each event with the turn after it; events that do not fit are skipped."""
    turn = Turn()
    for timed in events:
        if after := advance(turn, timed):
            turn = after
            yield turn, timed.event


def fold(events: Iterable[Event]) -> Turn:
    """Return the turn after all events; those that do not fit are skipped."""
    turn = Turn()
    for after, _ in accumulate(map(TimedEvent, events)):
        turn = after
    return turn


def _with_step(turn: Turn, event: StepFinished) -> Turn:
    first = turn.first_token_seconds
    return replace(
        turn,
        first_token_seconds=event.first_token_seconds if first is None else first,
        input_tokens=_sum(turn.input_tokens, event.input_tokens),
        output_tokens=_sum(turn.output_tokens, event.output_tokens),
        context_tokens=turn.context_tokens
        if event.input_tokens is None
        else _sum(event.input_tokens, event.output_tokens),
        generation_seconds=turn.generation_seconds + _generation_seconds(event),
    )


def _generation_seconds(event: StepFinished) -> float:
    if event.output_tokens is None or event.first_token_seconds is None:
        return 0.0
    return event.seconds - event.first_token_seconds


def _sum(so_far: int | None, more: int | None) -> int | None:
    return so_far if more is None else (so_far or 0) + more
