"""The tools of a request: what the prompt, the grammar and the parser need to know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamchat.models.embedded.pythonic.schema import SchemaRules, UnsupportedSchemaError

ANSWER_TOOL = "final_answer"
ARITHMETIC = ("add", "subtract", "multiply", "exponentiate")
_MAX_TOOLS = 30
_MAX_EXAMPLES = 5
_VALUES = {"string": '"Alpha"', "integer": "3", "number": "2.5"}
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list"}


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of a request.

    Attributes:
        calculates: whether the arithmetic tools are among them; their calls are operators.
        called: the parameters' schemas of the tools that are called by name.
        parameters: the parameters of all tools, in order.
        signatures: a line for each tool that is called by name.
        examples: questions made from the tools' descriptions, with the calls that answer them.
    """

    calculates: bool
    called: Mapping[str, Mapping[str, Any]]
    parameters: Mapping[str, Sequence[str]]
    signatures: str
    examples: Sequence[tuple[str, str]] = ()

    @property
    def is_arithmetic(self) -> bool:
        """Whether the arithmetic tools are the only ones: the models were trained to use those."""
        return self.calculates and not self.called


def read_toolbox(tools: Sequence[Mapping[str, Any]]) -> Toolbox | None:
    """Return the tools, or None if the grammar cannot hold them.

    Args:
        tools: as the API takes them.
    """
    functions = [each["function"] for each in tools if each["function"]["name"] != ANSWER_TOOL]
    schemas = {each["name"]: each.get("parameters") or {} for each in functions}
    calculates = schemas.keys() >= set(ARITHMETIC)
    operators = ARITHMETIC if calculates else ()
    called = {name: schema for name, schema in schemas.items() if name not in operators}
    if len(called) > _MAX_TOOLS:
        return None
    try:
        SchemaRules(called)
    except UnsupportedSchemaError:
        return None
    offered = [each for each in functions if each["name"] in called]
    parameters = {name: [*schema.get("properties", {})] for name, schema in schemas.items()}
    signatures = "\n".join(map(_write_signature, offered))
    examples = [example for each in offered if (example := _write_example(each))]
    return Toolbox(calculates, called, parameters, signatures, examples[:_MAX_EXAMPLES])


def _write_signature(function: Mapping[str, Any]) -> str:
    schema = function.get("parameters") or {}
    required = schema.get("required", ())
    parameters = ", ".join(
        f"{name}: {_write_type(value)}{'' if name in required else ' = None'}"
        for name, value in schema.get("properties", {}).items()
    )
    about = " ".join(str(function.get("description") or "").split())
    return f"{function['name']}({parameters})  # {about}".rstrip(" #")


def _write_example(function: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return a question that a tool answers, and its call; None if its arguments are too odd."""
    about = " ".join(str(function.get("description") or "").split()).partition(". ")[0]
    schema = function.get("parameters") or {}
    known = schema.get("properties", {})
    values = {name: _choose_value(known.get(name, {})) for name in schema.get("required", ())}
    if not about or None in values.values():
        return None
    said = ", ".join(str(each).strip('"') for each in values.values())
    question = f"{about.rstrip('.')}: {said}" if said else about
    arguments = ", ".join(f"{name}={value}" for name, value in values.items())
    return question, f"{function['name']}({arguments})"


def _choose_value(schema: Mapping[str, Any]) -> str | None:
    return None if "enum" in schema else _VALUES.get(str(schema.get("type")))


def _write_type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(repr, schema["enum"]))
    return _TYPES.get(str(schema.get("type")), "object")
