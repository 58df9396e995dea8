"""The tool that ends a turn."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.tools import tool
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def list_names(value: Any) -> tuple[str, ...]:
    """Return the names in a value that should be a list of them; models get it wrong."""
    names = value if isinstance(value, list) else [value]
    return tuple(name for name in names if isinstance(name, str))


class _Answer(BaseModel):
    # The answer has been shown by now; extra fields are no reason to ask again.
    model_config = ConfigDict(extra="ignore", strict=True)

    answer: Annotated[str, Field(description="the whole answer, as the user will read it")]
    tools_used: Annotated[
        list[str],
        BeforeValidator(lambda value: list(list_names(value))),
        Field(description="the names of the tools whose results the answer rests on"),
    ] = []


@tool(args_schema=_Answer)
def final_answer(answer: str, tools_used: list[str]) -> dict[str, Any]:
    """Give the user the final answer, in natural language. This ends the turn."""
    return {"answer": answer, "tools_used": tools_used}
