"""How to ask a graph: with messages, or with a question in one of its state's keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from langchain_core.messages import BaseMessage

from streamchat.agent.errors import AgentError

MESSAGES = "messages"
_QUESTION_KEYS = (
    *("question", "input", "query", "user_input", "user_message", "user_query", "prompt"),
    *("request", "message", "text", "topic", "task"),
)


@dataclass(frozen=True, slots=True)
class GraphInput:
    """The key that takes the question; `messages` takes the history, too."""

    key: str

    @property
    def takes_messages(self) -> bool:
        return self.key == MESSAGES

    def build(self, messages: Sequence[BaseMessage]) -> object:
        """Return the input for these messages, of which the last is the question."""
        if self.takes_messages:
            return {MESSAGES: list(messages)}
        text = str(messages[-1].text)
        return {self.key: text} if self.key else text


def find_input(graph: Any) -> GraphInput:
    """Return how a graph takes a question.

    Raises:
        AgentError: it takes none, as far as its types tell.
    """
    schema = getattr(getattr(graph, "builder", None), "input_schema", None)
    keys = _read_types(schema) if schema is not None else _read_json_schema(graph)
    if keys is None:
        return GraphInput("")
    if MESSAGES in keys:
        return GraphInput(MESSAGES)
    texts = [key for key, is_text in keys.items() if is_text]
    named = [key for key in _QUESTION_KEYS if key in texts]
    if named or len(texts) == 1:
        return GraphInput((named or texts)[0])
    named_keys = ", ".join(keys) or "(none)"
    raise AgentError(
        f"the graph cannot be asked a question: its input has the keys {named_keys}; "
        "give it an input_schema with messages, or with one text such as question"
    )


def _read_types(schema: Any) -> dict[str, bool]:
    """Return the keys of a state, and whether each is text."""
    try:
        hints = get_type_hints(schema, include_extras=True)
    except Exception:  # a type that only a type checker can see
        hints = dict(getattr(schema, "__annotations__", {}))
    return {key: _is_text(hint) for key, hint in hints.items() if not key.startswith("_")}


def _read_json_schema(graph: Any) -> dict[str, bool] | None:
    """Return the same from a JSON schema; None if the input is text itself."""
    try:
        schema = graph.get_input_jsonschema()
    except Exception:  # a type that pydantic cannot describe
        schema = {}
    if schema.get("type") == "string":
        return None
    properties = schema.get("properties") or {}
    if not isinstance(properties, Mapping):
        return {}
    return {key: each.get("type") == "string" for key, each in properties.items()}


def _is_text(hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated or getattr(origin, "__name__", "") in ("Required", "NotRequired"):
        return _is_text(arguments[0])
    if origin in (Union, UnionType):
        return all(each is NoneType or _is_text(each) for each in arguments)
    return hint is str or hint == "str"
