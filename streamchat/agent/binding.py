"""A model with its tools, in the form that its server supports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from streamchat.models.openai_compatible import adapt_request
from streamchat.models.refusals import read_complaint, read_sent_messages, refuses_tools

BoundModel: TypeAlias = Runnable[LanguageModelInput, AIMessage]


@dataclass(frozen=True, eq=False)
class ModelBinding:
    """A model bound to its tools; `tool_choices` are the ones still worth trying, best first.

    A forced call (`any`) makes small models use their tools. Some servers only support a free
    choice (`auto`), some no tools at all (None).
    """

    llm: BaseChatModel
    tools: Sequence[BaseTool]
    tool_choices: tuple[str | None, ...]

    @classmethod
    def bind(cls, llm: BaseChatModel, tools: Sequence[BaseTool]) -> ModelBinding:
        return cls(llm, tools, ("any", "auto", None) if tools else (None,))

    @property
    def offers_tools(self) -> bool:
        return self.tool_choices[0] is not None

    @property
    def tool_names(self) -> list[str]:
        """The names of the tools that are offered."""
        return [tool.name for tool in self.tools] if self.offers_tools else []

    @cached_property
    def runnable(self) -> BoundModel:
        """The model to stream from.

        It is not chained to a prompt: a sequence would merge every chunk with all before it.
        """
        choice = self.tool_choices[0]
        return self.llm.bind_tools(self.tools, tool_choice=choice) if choice else self.llm

    @property
    def options(self) -> Mapping[str, Any]:
        """What the runnable adds to each request: the tools in the form that the server takes."""
        return getattr(self.runnable, "kwargs", {})

    def adapt(self, error: Exception) -> tuple[ModelBinding, str] | None:
        """Return a binding without what the server just refused, and the change in a few words.

        None if the error is not a refusal, or nothing is left to give up.
        """
        complaint = read_complaint(error)
        if complaint and (found := adapt_request(self.llm, complaint, read_sent_messages(error))):
            llm, change = found
            return replace(self, llm=llm), change
        refused = isinstance(error, NotImplementedError) or refuses_tools(error)
        if not refused or len(self.tool_choices) == 1:
            return None
        fallback = replace(self, tool_choices=self.tool_choices[1:])
        return fallback, "with a free choice of tools" if fallback.offers_tools else "without tools"
