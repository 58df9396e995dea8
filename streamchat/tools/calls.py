"""Checks a call's arguments and runs its tool."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

_T = TypeVar("_T")


class CallError(Exception):
    """A call that cannot be run, or that failed, in words for the model and the user."""


def checked_arguments(tool: BaseTool, text: str) -> dict[str, Any]:
    """Returns the arguments that `text` holds.

    Raises:
        CallError: the text is not strictly valid JSON (RFC 8259, without repeated keys), not an
            object, or not of the tool's schema.
    """
    arguments = _strict_json(text)
    if not isinstance(arguments, dict):
        raise CallError("the arguments are not a JSON object")
    schema = tool.args_schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            # Strict on the JSON text: a string is no number, but a JSON string may be a date.
            schema.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise CallError(_wrong_fields(error)) from None
    return arguments


def _strict_json(text: str) -> Any:
    def unknown(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=unknown, object_pairs_hook=_without_repeats)
    except RecursionError:
        raise CallError("the arguments are nested too deeply") from None
    except ValueError as error:  # of digits beyond the interpreter's limit too
        raise CallError(f"the arguments are not valid JSON: {error}") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key comes twice")
    return fields


def _wrong_fields(error: ValidationError) -> str:
    """Says for each field once what is wrong with it: a union complains once for each member."""
    wrong: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_input=False):
        field = str(problem["loc"][0]) if problem["loc"] else "arguments"
        wrong.setdefault(field, problem["msg"].removeprefix("Value error, "))
    return "wrong arguments: " + "; ".join(f"{field}: {why}" for field, why in wrong.items())


async def run_tool(tool: BaseTool, arguments: dict[str, Any]) -> Any:
    """Runs the tool off the event loop if it is synchronous, and returns what it returns."""
    if _is_async(tool):
        return await tool.ainvoke(arguments)
    return await in_daemon_thread(lambda: tool.invoke(arguments))


def _is_async(tool: BaseTool) -> bool:
    if hasattr(tool, "coroutine"):
        return tool.coroutine is not None
    return type(tool)._arun is not BaseTool._arun


async def in_daemon_thread(work: Callable[[], _T]) -> _T:
    """Runs `work` in a thread that nobody waits for, neither after a cancel nor at the exit.

    The event loop's own executor is joined at the end, so that one stuck tool would hang all.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()
    context = contextvars.copy_context()

    def finish(settle: Callable[[Any], None], value: Any) -> None:
        if not done.done():
            settle(value)

    def report(settle: Callable[[Any], None], value: Any) -> None:
        # The loop may have been closed meanwhile: then nobody wants to know any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, settle, value)

    def run() -> None:
        try:
            result = context.run(work)
        except (StopIteration, asyncio.CancelledError, KeyboardInterrupt, SystemExit) as error:
            # A future cannot hold the first, and the others would end more than the tool.
            report(done.set_exception, RuntimeError(repr(error)))
        except BaseException as error:
            report(done.set_exception, error)
        else:
            report(done.set_result, result)

    threading.Thread(target=run, daemon=True, name="streamchat-tool").start()
    return await done
