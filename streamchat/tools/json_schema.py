"""JSON schemas, which the tools of MCP servers have: strangers write them.

No schema is looked up on the web, and patterns are left to the server: to match one of them may
take for ever. The library is slow to import, and few tools need it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any


class SchemaError(Exception):
    """A schema is invalid."""


class MismatchError(Exception):
    """A value does not match a schema."""


def check_schema(schema: dict[str, Any]) -> None:
    """Check that a schema is one.

    Raises:
        SchemaError: it is not.
    """
    import jsonschema

    try:
        _choose_validator(schema).check_schema(schema)
    except jsonschema.SchemaError as error:
        raise SchemaError(error.message) from None


def check_value(value: object, schema: dict[str, Any]) -> None:
    """Check a value against a schema.

    Raises:
        MismatchError: it does not match.
        SchemaError: the schema is invalid.
    """
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    check_schema(schema)
    validator = _choose_validator(schema)(schema, registry=Registry())
    try:
        error = best_match(validator.iter_errors(value))
    except Unresolvable as missing:
        raise SchemaError(str(missing)) from None
    if error:
        raise MismatchError(f"{error.json_path}: {error.message}")


def _choose_validator(schema: dict[str, Any]) -> Any:
    from jsonschema.validators import validator_for

    return _leave_out_patterns(validator_for(schema))


@cache
def _leave_out_patterns(validator: Any) -> Any:
    from jsonschema import validators

    check_additional = validator.VALIDATORS["additionalProperties"]

    def check(validator: Any, allowed: Any, value: Any, schema: dict[str, Any]) -> Iterable[Any]:
        # Additional ones are those that match no pattern.
        return (
            ()
            if "patternProperties" in schema
            else check_additional(validator, allowed, value, schema)
        )

    patterns = ("pattern", "patternProperties", "unevaluatedProperties")
    return validators.extend(  # type: ignore[no-untyped-call]
        validator, {**dict.fromkeys(patterns, lambda *_: ()), "additionalProperties": check}
    )
