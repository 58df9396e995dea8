"""Finds out what a runnable takes: from its type, or else from its input schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, Literal, get_type_hints, is_typeddict

from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.prompts import BaseChatPromptTemplate, BasePromptTemplate, MessagesPlaceholder
from langchain_core.runnables import (
    Runnable,
    RunnableBranch,
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
    RunnableSequence,
)
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.runnables.passthrough import RunnableAssign, RunnablePick
from pydantic import TypeAdapter

from streamchat.agent.target.subscripts import find_keys

Kind = Literal["text", "messages", "any"]


@dataclass(frozen=True, slots=True)
class Text:
    """A string: the question."""


@dataclass(frozen=True, slots=True)
class Messages:
    """A list of messages: the history, and the question."""


@dataclass(frozen=True, slots=True)
class Whatever:
    """Nothing says what it is."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object; `kind` is "any" if nothing says what it holds."""

    kind: Kind = "any"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with these fields; `is_open` if it may be asked for others, which are not known."""

    fields: Mapping[str, Field]
    is_open: bool = False


Form = Text | Messages | Whatever | Fields


def find_form(runnable: Runnable[Any, Any]) -> Form:
    """Return what a runnable takes: from its type, or else from its input schema."""
    match runnable:
        case RunnableWithMessageHistory():
            return _find_form_with_history(runnable)
        case RunnableBindingBase():
            return find_form(runnable.bound)
        case RunnableWithFallbacks():
            return find_form(runnable.runnable)
        case DynamicRunnable():
            return find_form(runnable.default)
        case RunnableSequence():
            return _find_form_of_steps(runnable.steps)
        case RunnableAssign():
            return _unite([find_form(runnable.mapper), Fields({}, is_open=True)])
        case RunnableParallel():
            return _unite([find_form(step) for step in runnable.steps__.values()])
        case RunnablePick():
            keys = [runnable.keys] if isinstance(runnable.keys, str) else runnable.keys
            return Fields(dict.fromkeys(keys, Field()))
        case RunnableBranch():
            choices = [runnable.default, *(choice for _, choice in runnable.branches)]
            return _unite([find_form(choice) for choice in choices])
        case RunnablePassthrough():
            return Whatever()
        case BaseChatModel():
            return Messages()
        case BaseLLM():
            return Text()
        case BasePromptTemplate():
            return _find_form_of_prompt(runnable)
        case RunnableLambda() | RunnableGenerator():
            return _find_form_of_function(runnable)
        case _:
            return _read_schema(runnable)


def _find_form_with_history(runnable: RunnableWithMessageHistory) -> Form:
    key = runnable.input_messages_key
    if runnable.history_messages_key:
        return Fields({key or "input": Field("text")})
    return Fields({key: Field("messages")}) if key else Messages()


def _find_form_of_steps(steps: Sequence[Runnable[Any, Any]]) -> Form:
    first = find_form(steps[0])
    if len(steps) == 1 or not isinstance(steps[0], RunnablePassthrough | RunnableAssign):
        return first
    after = _find_form_of_steps(steps[1:])
    if isinstance(steps[0], RunnableAssign):
        # What the step adds need not be asked for.
        added = steps[0].mapper.steps__
        if isinstance(after, Fields):
            rest = {name: field for name, field in after.fields.items() if name not in added}
            return _unite([find_form(steps[0].mapper), Fields(rest, after.is_open)])
        return first
    return after


def _unite(forms: Iterable[Form]) -> Form:
    """Return the form of what all of these are given; the fields of all if any takes an object."""
    found = list(forms)
    objects = [form for form in found if isinstance(form, Fields)]
    if objects:
        united: dict[str, Field] = {}
        for form in objects:
            for name, field in form.fields.items():
                united[name] = _unite_fields(united.get(name, field), field)
        return Fields(united, any(form.is_open for form in objects))
    for kind in (Text, Messages):
        if any(isinstance(form, kind) for form in found):
            return kind()
    return Whatever()


def _unite_fields(one: Field, other: Field) -> Field:
    kind = other.kind if one.kind == "any" else one.kind
    return Field(kind, one.required or other.required)


def _find_form_of_prompt(prompt: BasePromptTemplate[Any]) -> Form:
    fields = {name: Field("text") for name in prompt.input_variables}
    fields |= {name: Field("text", required=False) for name in prompt.optional_variables}
    if isinstance(prompt, BaseChatPromptTemplate):
        for message in getattr(prompt, "messages", ()):
            if isinstance(message, MessagesPlaceholder):
                name = message.variable_name
                # A name without a field has been bound with `partial`.
                if name in fields:
                    fields[name] = Field("messages", required=not message.optional)
    return Fields(fields)


def _find_form_of_function(
    runnable: RunnableLambda[Any, Any] | RunnableGenerator[Any, Any],
) -> Form:
    function = getattr(runnable, "func", None) or getattr(runnable, "afunc", None)
    keys = find_keys(function)
    form = _read_annotation(function) if function else Whatever()
    if isinstance(form, Whatever):
        form = _read_schema(runnable)
    if not keys or isinstance(form, Text | Messages):
        return form
    # LangChain takes every key for required, also those read with `get`, and for those of a lambda
    # the keys of all that stand in its line.
    is_lambda = getattr(function, "__name__", "") == "<lambda>"
    fields = dict(form.fields) if isinstance(form, Fields) and not is_lambda else {}
    for name, required in keys.items():
        fields[name] = Field(fields.get(name, Field()).kind, required)
    return Fields(fields)


def _read_schema(runnable: Runnable[Any, Any]) -> Form:
    try:
        return _read(runnable.get_input_jsonschema())
    except Exception:  # the user's annotations may raise anything
        return Whatever()


def _read_annotation(function: Callable[..., Any]) -> Form:
    """Read the type of a function's argument; LangChain does not if it is written as a string."""
    try:
        hints = get_type_hints(function)
        hint = next(hints[name] for name in signature(function).parameters if name in hints)
        return _read_typed_dict(hint) if is_typeddict(hint) else _read(_to_schema(hint))
    except Exception:  # as above; or there is none
        return Whatever()


def _read_typed_dict(kind: type) -> Form:
    required = getattr(kind, "__required_keys__", ())
    fields = {}
    for name, hint in get_type_hints(kind).items():
        schema = _to_schema(hint)
        fields[name] = Field(_find_kind(schema, schema.get("$defs", {})), name in required)
    return Fields(fields)


def _to_schema(hint: Any) -> dict[str, Any]:
    return TypeAdapter(hint).json_schema()


def _read(schema: Mapping[str, Any]) -> Form:
    definitions = schema.get("$defs", {})
    schema = _resolve(schema, definitions)
    match _find_kind(schema, definitions):
        case "messages":
            return Messages()
        case "text":
            return Text()
    if schema.get("type") != "object":
        return Whatever()
    required = schema.get("required", ())
    fields = {
        name: Field(_find_kind(each, definitions), name in required)
        for name, each in schema.get("properties", {}).items()
    }
    return Fields(fields, is_open=not fields)


def _find_kind(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Kind:
    choices = _resolve(schema, definitions).get("anyOf", [schema])
    types = [_resolve(each, definitions).get("type") for each in choices]
    if "array" in types:
        return "messages"
    return "text" if "string" in types else "any"


def _resolve(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = str(schema.get("$ref") or "")
    found: Mapping[str, Any] = definitions.get(reference.rpartition("/")[2], schema)
    return found
