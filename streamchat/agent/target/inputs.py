"""Builds what a runnable is asked from a question and a history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from langchain_core.messages import BaseMessage, HumanMessage, get_buffer_string

from streamchat.agent.errors import AgentError
from streamchat.agent.target.forms import Field, Fields, Form, Messages, Text, Whatever

_QUESTIONS = (
    *("input", "question", "query", "text", "prompt", "message"),
    *("user_input", "human_input", "user_message"),
)
_HISTORIES = ("chat_history", "history", "message_history", "conversation_history")
_ALL_MESSAGES = "messages"
_SCRATCHPADS = ("agent_scratchpad", "intermediate_steps")


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


def _join(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
