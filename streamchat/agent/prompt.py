"""What is sent to the model: system message, history, question, calls of the turn so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from streamchat.models.instructions import WITH_TOOLS
from streamchat.text.surrogates import replace_surrogates

WITHOUT_TOOLS = "You are streamchat, a helpful assistant in the user's terminal."

_TEMPLATE = ChatPromptTemplate.from_messages(
    [
        MessagesPlaceholder("system"),
        MessagesPlaceholder("chat_history"),
        ("human", "{input}"),
        MessagesPlaceholder("agent_scratchpad"),
    ]
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt of one turn.

    `system` replaces the built-in system prompt; `instructions` are added to either. `scratchpad`
    grows with every step of the turn.
    """

    question: str
    history: Sequence[BaseMessage] = ()
    instructions: str = ""
    system: str | None = None
    scratchpad: list[BaseMessage] = field(default_factory=list)

    def system_message(self, *, tools_offered: bool) -> SystemMessage:
        system = self.system or (WITH_TOOLS if tools_offered else WITHOUT_TOOLS)
        text = "\n\n".join(filter(None, (system, self.instructions)))
        return SystemMessage(replace_surrogates(text))

    def messages(self, *, tools_offered: bool) -> list[BaseMessage]:
        return _TEMPLATE.format_messages(
            system=[self.system_message(tools_offered=tools_offered)],
            chat_history=list(self.history),
            input=replace_surrogates(self.question),
            agent_scratchpad=self.scratchpad,
        )


def to_messages(pairs: Iterable[tuple[str, str]]) -> list[BaseMessage]:
    """Return pairs of questions and answers as messages."""
    messages: list[BaseMessage] = []
    for question, answer in pairs:
        messages.append(HumanMessage(replace_surrogates(question)))
        messages.append(AIMessage(replace_surrogates(answer)))
    return messages
