"""Calls in the text of a message, as servers without a tool-call parser send them."""

from __future__ import annotations

import json

import pytest

from streamchat.agent.leaked_calls import find_leaked_call

TOOLS = ("add", "final_answer")
CALL = json.dumps({"name": "add", "arguments": {"x": 1, "y": 2}})


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"<tool_call>{CALL}</tool_call>\n<tool_call>{CALL}</tool_call>",
        "<tool_call>\n<function=add>\n<parameter=x>\n1\n</parameter>\n</function>\n</tool_call>",
        '<function=add>{"x": 1, "y": 2}</function>',
        f"[TOOL_CALLS][{CALL}]",
        f"<|python_tag|>{CALL}",
        f" {CALL}\n",
        f"[{CALL}, {CALL}]",
        f"```json\n{CALL}\n```",
        '{"name": "add", "parameters": {"x": 1, "y": 2}}',
        '{"type": "function", "function": {"name": "add", "arguments": "{}"}}',
        '{"type": "function", "name": "add", "parameters": {}}',
    ],
)
def test_a_message_that_is_nothing_but_calls_names_the_tool(text: str) -> None:
    assert find_leaked_call(text, TOOLS) == "add"


def test_marks_are_enough() -> None:
    assert find_leaked_call("<tool_call>add\n<arg_key>x</arg_key></tool_call>", TOOLS) == "a tool"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is 3.",
        f"I call {CALL}",
        f"{CALL} is how to call it.",
        f"<tool_call>{CALL}</tool_call> is how Qwen calls it.",
        '{"name": "Ada", "arguments": {}}',
        '{"name": "add"}',
        f'[{CALL}, {{"name": "Ada"}}]',
        "[]",
        "[1, 2]",
        '{"name": "add", "arguments": {',
        "[" * 100_000,
        f"```{' ' * 100_000}x",
        f"```{'x' * 100_000}",
    ],
)
def test_anything_else_is_an_answer(text: str) -> None:
    assert find_leaked_call(text, TOOLS) == ""
