"""LangGraph's interrupts as requests to the user, and what the user types as their answers."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from streamchat.events import InputRequested
from streamchat.text.sanitize import one_line

_DECISIONS = ("approve", "edit", "reject", "respond")
_SYNONYMS = {"yes": "approve", "y": "approve", "no": "reject", "n": "reject"}
_WORD = re.compile(r"\s*([a-z]+)\b\s*:?\s*(.*)", re.IGNORECASE | re.DOTALL)
_MAX_ANSWER = 80
"""Characters of an answer in an `InputReceived`."""


def read_request(interrupt: Any, request_id: str) -> InputRequested:
    """Return an interrupt as a request.

    `HumanInTheLoopMiddleware` asks about calls: all of a message at once or, in its mode
    `per_call`, one at a time. Any other value is a free question.
    """
    value = interrupt.value
    if (actions := _find_actions(interrupt)) is None:
        text = value if isinstance(value, str) else to_json(value)
        return InputRequested(request_id, text)
    names = ", ".join(dict.fromkeys(str(action["name"]) for action in actions))
    return InputRequested(request_id, f"{names}: approval required", tuple(actions))


def to_resume_value(interrupt: Any, answer: object) -> object:
    """Return an answer in the form in which the interrupt's node expects it."""
    match interrupt.value:
        case {"action_requests": [*_]} if isinstance(answer, list):
            return {"decisions": answer}
        case {"type": "tool_approval"} if isinstance(answer, list) and len(answer) == 1:
            return answer[0]
        case _:
            return answer


def describe_answer(requested: InputRequested, answer: object) -> str:
    """Return what was answered, in a few words."""
    if requested.actions and isinstance(answer, list):
        return "; ".join(map(_describe_decision, answer))
    return one_line(answer if isinstance(answer, str) else to_json(answer), _MAX_ANSWER)


def find_unrun(requested: InputRequested, answer: object) -> list[tuple[str, Mapping[str, Any]]]:
    """Return name and arguments of the calls that the user has answered instead of the tool."""
    if not (requested.actions and isinstance(answer, list)):
        return []
    return [
        (str(action["name"]), action["arguments"])
        for action, decision in zip(requested.actions, answer, strict=False)
        if isinstance(decision, Mapping) and decision.get("type") in ("reject", "respond")
    ]


def read_answer(requested: InputRequested, text: str) -> object:
    """Return what a user has typed as an answer to a request.

    Free questions take JSON, or any text. Actions take `approve`, `edit {"x": 1}`, `reject: why` or
    `respond: text`, also as `a`, `e`, `rej` and so on. One decision is for all actions; several
    stand on a line each. JSON takes decisions in the middleware's own form.

    Raises:
        ValueError: it cannot be understood, or is not allowed; the message is a hint of one line.
    """
    text = text.strip()
    if not requested.actions:
        return _read_json_or_text(text)
    if text.startswith(("[", "{")):
        return _read_decisions(requested.actions, text)
    lines = [line for line in text.splitlines() if line.strip()]
    count = len(requested.actions)
    if count > 1 and len(lines) == count:
        pairs = zip(requested.actions, lines, strict=True)
        return [_read_decision(action, line) for action, line in pairs]
    return [_read_decision(action, text, alone=count == 1) for action in requested.actions]


def list_decisions(requested: InputRequested) -> list[str]:
    """Return the decisions that any of the actions allows; none if the answer is free."""
    return list(dict.fromkeys(each for action in requested.actions for each in action["decisions"]))


def find_decision(action: Mapping[str, Any], word: str) -> str:
    """Return the decision about an action that a word or its beginning means.

    Raises:
        ValueError: there is none, or it is not allowed; the message is a hint of one line.
    """
    word = _SYNONYMS.get(word.lower(), word.lower())
    allowed = [each for each in _DECISIONS if each in action["decisions"]]
    found = [each for each in allowed if word and each.startswith(word)]
    if len(found) > 1:
        starts = " or ".join(each[:3] for each in found)  # three letters tell them apart
        raise ValueError(f"{word} could be {' or '.join(found)}: type {starts}")
    if not found:
        raise ValueError(_hint(action))
    return found[0]


def to_json(value: object) -> str:
    """Return a value as compact JSON; what JSON does not know is written as text."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_to_plain)
    except (TypeError, ValueError, RecursionError):  # other keys than text, a cycle, or too deep
        return json.dumps(reprlib.repr(value), ensure_ascii=False)


def _to_plain(value: Any) -> object:
    for method in ("model_dump", "_asdict"):
        if callable(dump := getattr(value, method, None)):
            return dump()
    if fields := getattr(value, "__dataclass_fields__", None):
        return {name: getattr(value, name) for name in fields}
    return str(value)


def _find_actions(interrupt: Any) -> list[dict[str, Any]] | None:
    match interrupt.value:
        case {"action_requests": [*requests], "review_configs": [*configs]} if requests:
            allowed = {each["action_name"]: each["allowed_decisions"] for each in configs}
            return [_to_action(each, allowed.get(each["name"], _DECISIONS)) for each in requests]
        case {"type": "tool_approval", "name": str(), "args": {}} as request:
            return [_to_action(request, _find_allowed(interrupt))]
        case _:
            return None


def _to_action(request: Mapping[str, Any], decisions: Sequence[str]) -> dict[str, Any]:
    # By default the description ends with the call, which is shown anyway.
    description = str(request.get("description") or "")
    described, _, rest = description.partition("\n\nTool: ")
    return {
        "name": request["name"],
        "arguments": json.loads(to_json(request["args"])),
        "description": described if rest.startswith(f"{request['name']}\nArgs: ") else description,
        "decisions": tuple(decisions),
    }


def _find_allowed(interrupt: Any) -> tuple[str, ...]:
    """Return the decisions that the schema of the response allows."""
    schema = json.dumps(getattr(interrupt, "response_schema", None) or {}, default=str)
    allowed = tuple(each for each in _DECISIONS if f'"const": "{each}"' in schema)
    return allowed or _DECISIONS


def _describe_decision(decision: Any) -> str:
    match decision:
        case {"type": "approve"}:
            return "approved"
        case {"type": "edit", "edited_action": {"name": name, "args": {} as args}}:
            written = ", ".join(f"{key}={to_json(value)}" for key, value in args.items())
            return one_line(f"edited: {name}({written})", _MAX_ANSWER)
        case {"type": "reject", "message": str(why)} if why:
            return one_line(f"rejected: {why}", _MAX_ANSWER)
        case {"type": "reject"}:
            return "rejected"
        case {"type": "respond", "message": str(text)}:
            return one_line(f"responded: {text}", _MAX_ANSWER)
        case _:
            return one_line(to_json(decision), _MAX_ANSWER)


def _read_json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _read_decisions(actions: Sequence[Mapping[str, Any]], text: str) -> list[object]:
    """Return decisions written as JSON: a list, one for all, or the middleware's whole response."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the decisions are not valid JSON: {error}") from None
    if isinstance(value, dict):
        value = value.get("decisions", [value] * len(actions))
    if not isinstance(value, list) or len(value) != len(actions):
        raise ValueError(f"give {len(actions)} decisions, one for each call")
    for action, decision in zip(actions, value, strict=True):
        kind = decision.get("type") if isinstance(decision, dict) else None
        if kind not in action["decisions"]:
            raise ValueError(f"{action['name']}: {_hint(action)}")
    return value


def _read_decision(
    action: Mapping[str, Any], text: str, *, alone: bool = True
) -> dict[str, object]:
    found = _WORD.fullmatch(text)
    word, rest = (found[1], found[2].strip()) if found else ("", "")
    match find_decision(action, word):
        case "edit":
            if not alone:
                raise ValueError("to edit one of several calls, give a line for each call")
            return {"type": "edit", "edited_action": _read_edit(action, rest)}
        case "reject":
            return {"type": "reject", **({"message": rest} if rest else {})}
        case "respond":
            if not rest:
                raise ValueError("respond with what? type: respond: TEXT")
            return {"type": "respond", "message": rest}
        case _:
            if rest:
                raise ValueError(_hint(action))
            return {"type": "approve"}


def _read_edit(action: Mapping[str, Any], text: str) -> dict[str, object]:
    try:
        arguments, problem = json.loads(text), ""
    except (ValueError, RecursionError) as error:
        arguments, problem = None, f" ({error})" if text else ""
    if not isinstance(arguments, dict):
        example = one_line(to_json(action["arguments"]), _MAX_ANSWER)
        raise ValueError(f"edit takes the new arguments as a JSON object: edit {example}{problem}")
    if arguments.keys() == {"name", "args"} and isinstance(arguments["args"], dict):
        return arguments
    return {"name": action["name"], "args": arguments}


def _hint(action: Mapping[str, Any]) -> str:
    forms = {"edit": "edit {JSON}", "reject": "reject: WHY", "respond": "respond: TEXT"}
    allowed = [forms.get(each, each) for each in action["decisions"]]
    *others, last = allowed
    return f"type {', '.join(others)} or {last}" if others else f"type {last}"
