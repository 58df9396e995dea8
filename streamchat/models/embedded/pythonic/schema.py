"""Rules of the grammar for the calls of tools, made from their JSON schemas."""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_COMMON = {
    "string": '"\\"" ([^"\\\\\\n] | "\\\\" ["\\\\n])* "\\""',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,14})',
    "number": '"-"? ("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,10})?',
    "boolean": '"True" | "False"',
    "null": '"None"',
}
_MAX_DEPTH = 6


class UnsupportedSchemaError(ValueError):
    """A schema says something that the grammar cannot."""


class SchemaRules:
    """The rules for calls of some tools.

    A value may also be the result of another call.

    Args:
        tools: the schemas of the tools' parameters, by the tools' names.

    Raises:
        UnsupportedSchemaError: one cannot be put into rules.
    """

    root = "call"

    def __init__(self, tools: Mapping[str, Mapping[str, Any]]) -> None:
        self._used: set[str] = set()
        self._made: list[str] = []
        self._count = 0
        names = [self._make_call(name, schema) for name, schema in tools.items()]
        self.rules = [
            f"call ::= {' | '.join(names)}",
            *self._made,
            *(f"{kind}-value ::= {_COMMON[kind]}" for kind in sorted(self._used)),
        ]

    def _make_call(self, name: str, schema: Mapping[str, Any]) -> str:
        for each in (name, *schema.get("properties", ())):
            if not each.isidentifier() or keyword.iskeyword(each):
                raise UnsupportedSchemaError(f"{each} is no name in Python")
        definitions = schema.get("$defs", {})
        required = set(schema.get("required", ()))
        parameters = [
            (f'"{each}=" ({self._make_value(value, definitions, 0)} | call)', each in required)
            for each, value in schema.get("properties", {}).items()
        ]
        return self._add(f'"{name}(" {self._join(parameters)} ")"')

    def _add(self, body: str) -> str:
        self._count += 1
        self._made.append(f"rule-{self._count} ::= {body}")
        return f"rule-{self._count}"

    def _join(self, items: Sequence[tuple[str, bool]]) -> str:
        """Return the items in order, separated by commas; those that are not required may lack."""
        if not items:
            return '""'
        firsts = self._list_firsts(items, "")
        return f"({' | '.join(firsts)})"

    def _list_firsts(self, items: Sequence[tuple[str, bool]], comma: str) -> Iterable[str]:
        """Yield each way in which the list may begin, with the rest of it."""
        ways: list[str] = []
        for at, (item, required) in enumerate(items):
            rest = self._list_rest(items[at + 1 :])
            ways.append(f"{comma}{item} {rest}".rstrip())
            if required:
                return ways
        return [*ways, '""']

    def _list_rest(self, items: Sequence[tuple[str, bool]]) -> str:
        if not items:
            return ""
        return self._add(" | ".join(self._list_firsts(items, '", " ')))

    def _make_value(self, schema: Any, definitions: Mapping[str, Any], depth: int) -> str:
        """Return an expression for the values of a schema."""
        if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
            raise UnsupportedSchemaError("a schema is missing or nested too deeply")
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix("#/$defs/")
            return self._make_value(definitions.get(name), definitions, depth + 1)
        if "const" in schema or "enum" in schema:
            values = schema.get("enum", [schema.get("const")])
            return f"({' | '.join(quote(_write(value)) for value in values)})"
        for key in ("anyOf", "oneOf"):
            if key in schema:
                ways = [self._make_value(each, definitions, depth + 1) for each in schema[key]]
                return f"({' | '.join(ways)})"
        return self._make_typed(schema, definitions, depth)

    def _make_typed(
        self, schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int
    ) -> str:
        match schema.get("type"):
            case list() as kinds:
                ways = (
                    self._make_value({**schema, "type": each}, definitions, depth) for each in kinds
                )
                return f"({' | '.join(ways)})"
            case str() as kind if kind in _COMMON:
                self._used.add(kind)
                return f"{kind}-value"
            case "array":
                item = self._make_value(schema.get("items"), definitions, depth + 1)
                return f'"[" ({item} (", " {item})*)? "]"'
            case "object" if schema.get("properties"):
                required = set(schema.get("required", ()))
                items = []
                for name, each in schema["properties"].items():
                    value = self._make_value(each, definitions, depth + 1)
                    key = quote(f"{_write(name)}: ")
                    items.append((f"{key} {value}", name in required))
                return f'"{{" {self._join(items)} "}}"'
            case kind:
                raise UnsupportedSchemaError(f"no rule for the type {kind}")


def quote(text: str) -> str:
    """Return the text as a literal of the grammar."""
    return json.dumps(text, ensure_ascii=False)


def _write(value: Any) -> str:
    """Return a JSON value as Python writes it, with double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
