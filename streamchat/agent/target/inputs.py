"""Finds out what a runnable takes, and builds it from a question and a history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.messages import BaseMessage, HumanMessage, get_buffer_string
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

from streamchat.agent.errors import AgentError
from streamchat.agent.target.subscripts import find_keys

_QUESTIONS = (
    *("input", "question", "query", "text", "prompt", "message"),
    *("user_input", "human_input", "user_message"),
)
_HISTORIES = ("chat_history", "history", "message_history", "conversation_history")
_ALL_MESSAGES = "messages"
_SCRATCHPADS = ("agent_scratchpad", "intermediate_steps")

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


def build_input(form: Form, question: str, history: Sequence[BaseMessage]) -> object:
    """Return what to ask a runnable of this form.

    Raises:
        AgentError: it needs what streamchat cannot know, or takes no question.
    """
    match form:
        case Text() | Whatever():
            return question
        case Messages():
            return [*history, HumanMessage(question)]
        case Fields(fields, is_open):
            guessed = _guess(question, history) if is_open else {}
            return guessed | _fill(fields, question, history, guessed=bool(guessed))


def takes_history(form: Form) -> bool:
    """Whether earlier exchanges are part of what a runnable of this form is asked."""
    if isinstance(form, Fields):
        named = any(name in _HISTORIES for name in form.fields)
        return named or form.is_open or any(_is_list(*each) for each in form.fields.items())
    return isinstance(form, Messages)


def _guess(question: str, history: Sequence[BaseMessage]) -> dict[str, object]:
    """Return an object with all the usual names."""
    guessed: dict[str, object] = dict.fromkeys(_QUESTIONS, question)
    guessed |= {name: list(history) for name in _HISTORIES}
    return {**guessed, _ALL_MESSAGES: [*history, HumanMessage(question)]}


def _fill(
    fields: Mapping[str, Field], question: str, history: Sequence[BaseMessage], *, guessed: bool
) -> dict[str, object]:
    lists = [name for name, field in fields.items() if _is_list(name, field)]
    asking = _find_question(fields, lists)
    filled: dict[str, object] = dict.fromkeys(asking, question)
    filled |= _fill_lists(fields, lists, question, history, asked=bool(asking))
    for name in fields:
        if name in _HISTORIES and name not in lists:
            filled[name] = get_buffer_string(list(history))
    missing = [name for name, field in fields.items() if field.required and name not in filled]
    if missing:
        raise AgentError(
            f"the chain needs {_join(missing)}, which streamchat cannot fill: it knows a question "
            "(`input`) and a history (`chat_history`); set the rest with prompt.partial(...)"
        )
    holds_question = asking or any(name in lists and name not in _SCRATCHPADS for name in filled)
    if not (holds_question or guessed):
        raise AgentError(
            f"the chain takes no question, only {_join(fields) or 'a fixed prompt'}: "
            "add a variable such as {input}"
        )
    return filled


def _find_question(fields: Mapping[str, Field], lists: Collection[str]) -> list[str]:
    """Return the names that stand for the question as text."""
    single = [name for name in fields if name not in (*lists, *_HISTORIES)]
    if known := [name for name in single if name in _QUESTIONS]:
        return known
    needed = [name for name in single if fields[name].required]
    return needed if len(needed) == 1 else []


def _fill_lists(
    fields: Mapping[str, Field],
    names: Sequence[str],
    question: str,
    history: Sequence[BaseMessage],
    *,
    asked: bool,
) -> dict[str, object]:
    """Fill lists of messages; one of them ends with the question if nothing else holds it."""
    pasts = [name for name in names if name in _HISTORIES]
    others = [name for name in names if name not in (*pasts, *_SCRATCHPADS)]
    filled: dict[str, object] = {name: [] for name in names if name in _SCRATCHPADS}
    filled |= {name: list(history) for name in pasts}
    before = [] if pasts else history
    if not asked and others:
        holder = _ALL_MESSAGES if _ALL_MESSAGES in others else others[0]
        filled[holder] = [*before, HumanMessage(question)]
    elif not asked and pasts:
        filled[pasts[0]] = [*history, HumanMessage(question)]
    elif not pasts:
        wanted = [name for name in others if fields[name].required or name == _ALL_MESSAGES]
        filled |= {name: list(history) for name in wanted}
    return filled


def _is_list(name: str, field: Field) -> bool:
    listed = name == _ALL_MESSAGES or name in _HISTORIES or name in _SCRATCHPADS
    return field.kind == "messages" or (field.kind == "any" and listed)


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
        schema = runnable.get_input_jsonschema()
    except Exception:  # annotations of the user's may raise anything
        return Whatever()
    definitions = schema.get("$defs", {})
    return _read(schema, definitions)


def _read(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Form:
    types = [_type_of(each, definitions) for each in schema.get("anyOf", [schema])]
    if "array" in types:
        return Messages()
    if "string" in types:
        return Text()
    if "object" not in types:
        return Whatever()
    required = schema.get("required", ())
    fields = {
        name: Field(_kind_of(each, definitions), name in required)
        for name, each in schema.get("properties", {}).items()
    }
    return Fields(fields, is_open=not fields)


def _kind_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Kind:
    match _read(schema, definitions):
        case Text():
            return "text"
        case Messages():
            return "messages"
        case _:
            return "any"


def _type_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if reference := str(schema.get("$ref") or ""):
        schema = definitions.get(reference.rpartition("/")[2], {})
    return str(schema.get("type") or "")


def _join(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
