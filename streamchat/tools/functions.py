"""Makes tools of Python functions, with schemas that LangChain infers from their annotations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.utils.function_calling import convert_to_openai_tool

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What OpenAI's API takes."""
_FILLED_IN = ("callbacks", "run_manager")
"""Parameters that LangChain itself has an argument for."""


class UnfitToolError(Exception):
    """Something cannot be a tool; the message says why."""


def make_tool(value: object, name: str) -> BaseTool:
    """Return the tool, or make one of a function.

    Args:
        value: a tool, or anything that can be called.
        name: what the tool of a function is called.

    Raises:
        UnfitToolError: it cannot be one.
    """
    if isinstance(value, BaseTool):
        tool = value
    elif callable(value) and not isinstance(value, type):
        tool = _infer_tool(value, name)
    else:
        raise UnfitToolError(f"it is of type {type(value).__name__}")
    _check_name(tool.name)
    _check_schema(tool)
    return tool


def _infer_tool(value: Callable[..., Any], name: str) -> BaseTool:
    if _is_function(value):
        function, docstring = value, inspect.getdoc(value)
    else:  # an instance, whose `__call__` may have no docstring but what Python gives it
        function = type(value).__call__.__get__(value)
        docstring = inspect.cleandoc(function.__doc__ or "")
    description = docstring or inspect.getdoc(value)
    if not description:
        raise UnfitToolError("it has no docstring, which tells the model what it does")
    try:
        _check_parameters(inspect.signature(function))
        return _build_tool(function, name, description, parse=bool(docstring))
    except (UnfitToolError, SystemExit):
        raise
    except Exception as error:  # whatever evaluating the annotations raises
        raise UnfitToolError(_describe(error)) from error


def _is_function(value: object) -> bool:
    """Whether LangChain takes it for a function: one, a method, or what a decorator made of one."""
    return inspect.isroutine(value) or hasattr(value, "__wrapped__")


def _check_parameters(signature: inspect.Signature) -> None:
    for each in signature.parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            stars = "*" if each.kind is each.VAR_POSITIONAL else "**"
            raise UnfitToolError(f"a model cannot fill in {stars}{each.name}")
        if each.kind is each.POSITIONAL_ONLY:
            raise UnfitToolError(f"the parameter {each.name} has no name for a caller")
        if each.annotation is each.empty and each.name not in _FILLED_IN:
            raise UnfitToolError(f"the parameter {each.name} has no type annotation")


def _build_tool(
    function: Callable[..., Any], name: str, description: str, *, parse: bool
) -> BaseTool:
    kind = "coroutine" if inspect.iscoroutinefunction(function) else "func"
    options: dict[str, Any] = {kind: function, "name": name}
    with suppress(ValueError):  # its section of arguments is no more than text if it does not match
        if parse:
            return StructuredTool.from_function(**options, parse_docstring=True)
    return StructuredTool.from_function(**options, description=description)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UnfitToolError(
            f"{name!r} is no name for a tool: at most 64 of the characters a-z, A-Z, 0-9, _ and -"
        )


def _check_schema(tool: BaseTool) -> None:
    try:
        parameters = convert_to_openai_tool(tool)["function"].get("parameters", {})
    except Exception as error:  # any library may raise
        raise UnfitToolError(f"its arguments have no JSON schema: {_describe(error)}") from error
    if "self" in parameters.get("properties", {}):
        raise UnfitToolError("a method is one without @tool")
    if injected := _find_injected(tool):
        raise UnfitToolError(f"only an agent of LangGraph has an argument for {injected}")


def _find_injected(tool: BaseTool) -> str:
    """Return a required parameter that the model is not told of, if there is one."""
    needed, offered = (
        getattr(schema, "model_fields", {})
        for schema in (tool.get_input_schema(), tool.tool_call_schema)
    )
    hidden = (name for name in needed if name not in offered and needed[name].is_required())
    return next(hidden, "")


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n")[0]
