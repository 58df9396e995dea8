"""What a run asks its client as interrupts, and what the client answers by `resume`.

A call that needs approval is an interrupt of AG-UI's reason `tool_call`; its ID is the call's, so
that nothing has to be remembered between two runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from streamchat.agent.source import Approval
from streamchat.events import InputRequested
from streamchat.serve.agui.writing import METADATA

_APPROVAL = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean"},
        "editedArgs": {
            "type": "object",
            "description": "Arguments to run the call with, instead of all of its own.",
        },
        "reason": {"type": "string", "description": "Why not, for the model."},
    },
    "required": ["approved"],
}
_DECISIONS = {
    "type": "object",
    "properties": {
        "decisions": {
            "type": "array",
            "description": "One for each action, in the form of LangChain's middleware.",
            "items": {"type": "object", "required": ["type"]},
        }
    },
    "required": ["decisions"],
}
_ANYTHING = {"description": "Any JSON value."}


def make_approval(call_id: str, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the interrupt that asks whether a call may run."""
    listed = ", ".join(f"{key}={json.dumps(value)}" for key, value in arguments.items())
    return {
        "id": call_id,
        "reason": "tool_call",
        "message": f"Run {name}({listed})?",
        "toolCallId": call_id,
        "responseSchema": _APPROVAL,
        "metadata": {METADATA: {"name": name, "arguments": arguments}},
    }


def make_question(requested: InputRequested, call_id: str) -> dict[str, Any]:
    """Return the interrupt for what a graph asks.

    Args:
        requested: what it asks.
        call_id: the call that it asks about; empty if that is not known, or if it is not one.
    """
    interrupt: dict[str, Any] = {"id": requested.request_id, "message": requested.question}
    if not requested.actions:
        return {**interrupt, "reason": "input_required", "responseSchema": _ANYTHING}
    asked = {"actions": [dict(each) for each in requested.actions]}
    interrupt |= {"metadata": {METADATA: asked}}
    if call_id:
        bound = {"reason": "tool_call", "toolCallId": call_id, "responseSchema": _APPROVAL}
        return {**interrupt, **bound}
    return {**interrupt, "reason": "streamchat:decisions", "responseSchema": _DECISIONS}


def read_approval(payload: Any) -> Approval:
    """Return what a client has decided about a call.

    Raises:
        ValueError: it cannot be understood; the message is one line.
    """
    if isinstance(payload, bool):
        return Approval(payload)
    if not isinstance(payload, dict) or not isinstance(payload.get("approved"), bool):
        raise ValueError('the payload must be {"approved": true} or {"approved": false}')
    edited, reason = payload.get("editedArgs"), payload.get("reason")
    if edited is not None and not isinstance(edited, dict):
        raise ValueError("editedArgs must be an object")
    if reason is not None and not isinstance(reason, str):
        raise ValueError("reason must be a text")
    return Approval(payload["approved"], reason or "", edited if payload["approved"] else None)


def read_answer(payload: Any) -> object:
    """Return what a client has answered to a graph, as `Run.reply` takes it."""
    match payload:
        case {"decisions": list() as decisions}:
            return decisions
        case _:
            return payload
