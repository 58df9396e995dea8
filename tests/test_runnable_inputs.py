"""What runnables of all kinds are asked."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any, TypedDict

import pytest
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableBranch,
    RunnableGenerator,
    RunnableLambda,
    RunnablePassthrough,
)
from langchain_core.tools import tool

from streamchat.agent.errors import AgentError
from streamchat.agent.target.forms import find_form
from streamchat.agent.target.inputs import build_input, takes_history
from streamchat.agent.target.subscripts import find_keys

MODEL = FakeListChatModel(responses=["Red."])
PROMPT = ChatPromptTemplate.from_messages(
    [MessagesPlaceholder("chat_history"), ("human", "{input}")]
)
HISTORY = [HumanMessage("Sky?"), AIMessage("Blue.")]
ASKED = HumanMessage("Blood?")


def build(runnable: Runnable[Any, Any]) -> Any:
    return build_input(find_form(runnable), "Blood?", HISTORY)


def read_text(question: str) -> str:
    return question


def read_messages(messages: list[BaseMessage]) -> str:
    return str(messages[-1].content)


class Asked(TypedDict):
    question: str
    history: list[BaseMessage]


def read_object(asked: Asked) -> str:
    return asked["question"]


def read_keys(asked: dict[str, Any]) -> str:
    return f"{asked['query']}{asked.get('chat_history')}{asked.get('style', '')}"


def read_anything(asked: Any) -> str:
    return str(asked)


def read_chunks(chunks: Iterator[str]) -> Iterator[str]:
    yield from chunks


@tool
def look_up(query: str) -> str:
    """Look something up."""
    return query


@pytest.mark.parametrize("runnable", [
    FakeListLLM(responses=["Red."]),
    RunnableLambda(read_text),
    RunnableLambda(read_anything),
    RunnableGenerator(read_chunks),
    RunnablePassthrough() | RunnableLambda(read_text),
    RunnableBranch((bool, RunnableLambda(read_text)), RunnableLambda(read_anything)),
    StrOutputParser(),
])  # fmt: skip
def test_the_question_alone(runnable: Runnable[Any, Any]) -> None:
    assert build(runnable) == "Blood?"
    assert not takes_history(find_form(runnable))


@pytest.mark.parametrize("runnable", [
    MODEL,
    MODEL.configurable_fields(responses=ConfigurableField("responses")),
    MODEL.configurable_alternatives(ConfigurableField("model"), other=MODEL),
    MODEL | StrOutputParser(),
    RunnableLambda(read_messages),
])  # fmt: skip
def test_a_list_of_messages(runnable: Runnable[Any, Any]) -> None:
    assert build(runnable) == [*HISTORY, ASKED]
    assert takes_history(find_form(runnable))


@pytest.mark.parametrize(
    ("runnable", "expected"),
    [
        (PROMPT | MODEL, {"input": "Blood?", "chat_history": HISTORY}),
        (PROMPT.partial(chat_history=[]) | MODEL, {"input": "Blood?"}),
        (PromptTemplate.from_template("{anything}"), {"anything": "Blood?"}),
        (RunnableLambda(read_object), {"question": "Blood?", "history": HISTORY}),
        (RunnableLambda(read_keys), {"query": "Blood?", "chat_history": HISTORY}),
        (RunnableLambda(itemgetter("question")), {"question": "Blood?"}),
        (look_up, {"query": "Blood?"}),
        (
            RunnablePassthrough.assign(chat_history=lambda x: x["history"]) | PROMPT,
            {"input": "Blood?", "history": HISTORY},
        ),
        (
            ChatPromptTemplate.from_messages([MessagesPlaceholder("chat_history")]),
            {"chat_history": [*HISTORY, ASKED]},
        ),
        (
            ChatPromptTemplate.from_messages(
                [MessagesPlaceholder("examples", optional=True), ("human", "{input}")]
            ),
            {"input": "Blood?"},
        ),
        (
            ChatPromptTemplate.from_messages([MessagesPlaceholder("past"), ("human", "{input}")]),
            {"input": "Blood?", "past": HISTORY},
        ),
    ],
)
def test_objects(runnable: Runnable[Any, Any], expected: dict[str, Any]) -> None:
    assert build(runnable) == expected


def test_an_object_of_which_nothing_is_known_has_all_the_usual_names() -> None:
    built = build(RunnablePassthrough.assign(length=lambda x: len(x)))
    assert (built["input"], built["question"], built["chat_history"]) == (
        *("Blood?", "Blood?", HISTORY),
    )
    assert built["messages"] == [*HISTORY, ASKED]


@pytest.mark.parametrize("runnable", [
    ChatPromptTemplate.from_messages(
        [MessagesPlaceholder("examples"), MessagesPlaceholder("history"), ("human", "{input}")]
    ),
    RunnablePassthrough.assign(n=lambda x: len(x)).pick(["a", "b"]),
    RunnableLambda(itemgetter("a", "b")),
    ChatPromptTemplate.from_template("{history}"),
])  # fmt: skip
def test_what_is_refused(runnable: Runnable[Any, Any]) -> None:
    with pytest.raises(AgentError, match=r"the chain (needs|takes no question)"):
        build(runnable)


def test_keys_that_a_function_reads() -> None:
    def work(x: Any, y: Any) -> Any:
        return x["a"], y["b"], x.get("c"), x.get("a"), x["d"]["e"], x[0], x.other("f")

    assert find_keys(work) == {"a": True, "c": False, "d": True}
    assert find_keys(dict) == find_keys(len) == find_keys(None) == {}
