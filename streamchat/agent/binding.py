"""A model with its tools, in the form that its server supports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from streamchat.models.openai_compatible import drop_refused_option
from streamchat.models.refusals import read_complaint, refuses_tools

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

    @cached_property
    def runnable(self) -> BoundModel:
        """The model to stream from.

        It is not chained to a prompt: a sequence would merge every chunk with all before it.
        """
        choice = self.tool_choices[0]
        return self.llm.bind_tools(self.tools, tool_choice=choice) if choice else self.llm

    def adapt(self, error: Exception) -> tuple[ModelBinding, str] | None:
        """Return a binding without what the server just refused, and the change in a few words.

        None if the error is not a refusal, or nothing is left to give up.
        """
        if plainer := drop_refused_option(self.llm, read_complaint(error)):
            return replace(self, llm=plainer), "without that option"
        refused = isinstance(error, NotImplementedError) or refuses_tools(error)
        if not refused or len(self.tool_choices) == 1:
            return None
        fallback = replace(self, tool_choices=self.tool_choices[1:])
        return fallback, "with a free choice of tools" if fallback.offers_tools else "without tools"
