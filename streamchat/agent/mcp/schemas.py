"""Whether the schema of a tool's arguments, which a server made up, can be used."""

from __future__ import annotations

import json
from typing import Any

from streamchat.text.sanitize import one_line
from streamchat.tools.functions import UnfitToolError
from streamchat.tools.json_schema import SchemaError, check_schema

_LONGEST = 50_000
"""Characters of JSON."""
_MOST_PARTS = 5_000
"""How many objects and lists it may have with each reference replaced, as LangChain does."""


def read_schema(schema: object) -> dict[str, Any]:
    """Return the schema with what some models insist on.

    Raises:
        UnfitToolError: it is not the schema of an object, is too large, or refers to other ones.
    """
    try:
        if not isinstance(schema, dict) or schema.get("type", "object") != "object":
            raise UnfitToolError("its arguments have no JSON schema of an object")
        if len(json.dumps(schema, ensure_ascii=False)) > _LONGEST:
            raise UnfitToolError(f"its schema has more than {_LONGEST:,} characters")
        check_schema(schema)
        _Measure(schema).add(schema)
    except SchemaError as error:
        raise UnfitToolError(f"its JSON schema is invalid: {one_line(str(error), 120)}") from None
    except RecursionError:
        raise UnfitToolError("its schema is nested too deeply") from None
    return {**schema, "type": "object", "properties": schema.get("properties", {})}


class _Measure:
    """Measures a schema with its references replaced: they can make it grow exponentially."""

    def __init__(self, whole: dict[str, Any]) -> None:
        self._whole = whole
        self._parts = 0
        self._open: list[str] = []
        """The references that are being replaced, of which none is replaced again."""

    def add(self, part: object) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise UnfitToolError("its schema is too large")
        if isinstance(part, list):
            for each in part:
                self.add(each)
        elif isinstance(part, dict):
            for name, each in part.items():
                if name == "$ref" and isinstance(each, str):
                    self._add_target(each)
                elif isinstance(each, dict | list):
                    self.add(each)

    def _add_target(self, reference: str) -> None:
        if reference in self._open:
            return
        self._open.append(reference)
        self.add(self._find(reference))
        self._open.pop()

    def _find(self, reference: str) -> object:
        """Return what a reference points to."""
        found: Any = self._whole
        if not reference.startswith("#"):
            raise UnfitToolError("its schema refers to another one")
        try:
            for name in reference.removeprefix("#").split("/")[1:]:
                name = name.replace("~1", "/").replace("~0", "~")
                found = found[int(name)] if isinstance(found, list) else found[name]
        except (LookupError, ValueError, TypeError):
            raise UnfitToolError(f"its schema has no {reference[:80]!r}") from None
        return found
