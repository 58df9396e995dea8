"""Checks the arguments of a call and runs its tool."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.tools import BaseTool, Tool
from pydantic import BaseModel, ValidationError

from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.strict_json import load_json
from streamchat.text.surrogates import join_surrogates, replace_surrogates
from streamchat.tools.json_schema import MismatchError, SchemaError, check_value

_OF_PLAIN_TOOL = {
    "type": "object",
    "properties": {"__arg1": {"type": "string"}},
    "required": ["__arg1"],
    "additionalProperties": False,
}
"""The schema under which LangChain offers a `Tool` that takes just a text."""


class CallError(Exception):
    """A call cannot run, or failed; the message is for the model and the user."""


def check_arguments(tool: BaseTool, text: str) -> dict[str, Any]:
    """Parse the arguments of a call.

    Raises:
        CallError: the text is not strictly valid JSON (RFC 8259, without repeated keys), not an
            object, or does not match the tool's schema.
    """
    arguments = _parse_strictly(text)
    if not isinstance(arguments, dict):
        raise CallError("the arguments are not a JSON object")
    schema = _get_schema(tool)
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            # Strict mode on JSON text: a string is not a number, but may be a date.
            checked = replace_surrogates(json.dumps(arguments, ensure_ascii=False))
            schema.model_validate_json(checked, strict=True)
        except ValidationError as error:
            raise CallError(_describe_errors(error)) from None
    elif isinstance(schema, dict):
        _check_json_schema(arguments, schema)
    return arguments


def _get_schema(tool: BaseTool) -> Any:
    if isinstance(tool, Tool) and not tool.args_schema:
        return _OF_PLAIN_TOOL
    return tool.args_schema or tool.get_input_schema()


def to_sendable_arguments(text: str) -> dict[str, Any]:
    """Return the arguments as they can be sent back: some servers accept only an object."""
    try:
        arguments = json.loads(
            replace_surrogates(json.dumps(_parse_strictly(text), ensure_ascii=False))
        )
    except CallError:
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _parse_strictly(text: str) -> Any:
    try:
        value = load_json(text, unique_keys=True)
        return json.loads(join_surrogates(json.dumps(value, ensure_ascii=False)))
    except RecursionError:
        raise CallError("the arguments are nested too deeply") from None
    except ValueError as error:  # also for numbers beyond the interpreter's limits
        raise CallError(f"the arguments are not valid JSON: {error}") from None


def _check_json_schema(arguments: dict[str, Any], schema: dict[str, Any]) -> None:
    """Check against a JSON schema, which the tools of MCP servers have."""
    try:
        check_value(arguments, schema)
    except MismatchError as error:
        raise CallError(f"wrong arguments: {error}") from None
    except SchemaError as error:
        raise CallError(f"the tool's schema is invalid: {error}") from None


def _describe_errors(error: ValidationError) -> str:
    """Describe one error for each field: a union reports one for each member."""
    wrong: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_input=False):
        field = str(problem["loc"][0]) if problem["loc"] else "arguments"
        wrong.setdefault(field, problem["msg"].removeprefix("Value error, "))
    return "wrong arguments: " + "; ".join(f"{field}: {why}" for field, why in wrong.items())


async def run_tool(tool: BaseTool, arguments: dict[str, Any]) -> Any:
    """Run the tool and return its result; a synchronous tool runs in a thread."""
    if is_async(tool):
        return await tool.ainvoke(arguments)
    return await run_in_daemon_thread(tool.invoke, arguments)


def is_async(tool: BaseTool) -> bool:
    """Whether the tool has an asynchronous implementation."""
    if hasattr(tool, "coroutine"):
        return tool.coroutine is not None
    # Only an override of the private `_arun` shows that a subclass of BaseTool is asynchronous.
    return type(tool)._arun is not BaseTool._arun
