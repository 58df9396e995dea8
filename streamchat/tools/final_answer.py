"""The tool that ends a turn."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.tools import tool
from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    answer: Annotated[str, Field(description="the whole answer, as the user will read it")]
    # Models forget it, and the answer has been read by then.
    tools_used: Annotated[
        list[str], Field(description="the names of the tools whose results the answer rests on")
    ] = []


@tool(args_schema=_Answer)
def final_answer(answer: str, tools_used: list[str]) -> dict[str, Any]:
    """Give the user the final answer, in natural language. This ends the turn."""
    return {"answer": answer, "tools_used": tools_used}
