"""Reads questions, answers and lines from LangChain's messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from streamchat.models.wire.extras import LINE_FIELD


def pair_messages(messages: Sequence[BaseMessage]) -> Iterable[tuple[str, str]]:
    """Yield the questions with their answers."""
    question = ""
    for each in messages:
        if isinstance(each, HumanMessage):
            question = each.text
        elif isinstance(each, AIMessage):
            yield question, each.text


def read_lines(messages: Iterable[BaseMessage]) -> Iterable[tuple[str, list[tuple[str, bool]]]]:
    """Yield the lines that the model wrote, with the results of their calls.

    With each result comes whether it is an error.
    """
    current: tuple[str, list[tuple[str, bool]]] | None = None
    for each in messages:
        if isinstance(each, AIMessage) and (line := each.additional_kwargs.get(LINE_FIELD)):
            if current:
                yield current
            current = (str(line), [])
        elif isinstance(each, ToolMessage) and current:
            current[1].append((each.text, each.status == "error"))
    if current:
        yield current
