"""Arguments of a call: read, checked against the tool's schema, and written in one canonical form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from ..core.errors import ConfigError, ToolError

_TEXT_LIMIT = 120
_ERRORS_SHOWN = 3


def parse_arguments(given: Mapping[str, Any] | str) -> dict[str, Any]:
    """Arguments as an object; clients and models send them as JSON text. An empty text is an empty object.

    Errors: ToolError for text that is no JSON or no object.
    """
    if not isinstance(given, str):
        return dict(given)
    if not given.strip():
        return {}
    try:
        value = msgspec.json.decode(given)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ToolError(f"the arguments are not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ToolError(f"the arguments must be a JSON object, not {_shown(value)}")
    return value


def canonical(arguments: Mapping[str, Any]) -> str:
    """The same text for equal arguments, in whatever order they stand.

    Example: canonical({"b": 1, "a": "x"}) == '{"a":"x","b":1}'. Errors: ToolError for what cannot be written as JSON.
    """
    try:
        return json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(f"the arguments cannot be written as JSON: {error}") from None


class ArgumentCheck:
    """Checks arguments against a JSON Schema. Nothing is mended in silence, with one exception: a text that the schema
    refuses, and whose content is JSON that it accepts, counts as that JSON, because models often send it so.

    References are looked up in the schema only, never fetched.
    Errors: ConfigError when the schema is none, or is not that of an object.

    Example: with {"properties": {"n": {"type": "integer"}}} the argument n = "7" is accepted as 7, n = "x" is refused.
    """

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
            raise ConfigError(f"tool {name!r}: its schema must be that of an object, not {_shown(schema)}")
        self._schema = dict(schema)  # jsonschema takes nothing but a dict for an object
        kind = validator_for(self._schema, default=Draft202012Validator)
        try:
            kind.check_schema(self._schema)
            _resolve_all(self._schema)
        except SchemaError as error:
            raise ConfigError(f"tool {name!r}: its schema is no JSON Schema: {error.message}") from error
        except (Unresolvable, RecursionError) as error:
            raise ConfigError(f"tool {name!r}: its schema cannot be used: {error}") from error
        self._validator = kind(self._schema, registry=Registry())

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that the tool gets. Errors: ToolError that says which argument is wrong and what is expected."""
        try:
            return self._check(dict(arguments))
        except RecursionError:
            raise ToolError("the arguments are nested too deeply") from None

    def _check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        errors = list(self._validator.iter_errors(arguments))
        if not errors:
            return arguments
        read = arguments | dict(_texts_as_json(arguments, errors))
        if self._validator.is_valid(read):
            return read
        explained = dict.fromkeys(self._explained(error) for error in errors)
        raise ToolError("; ".join([*explained][:_ERRORS_SHOWN]))

    @cached_property
    def _properties(self) -> Mapping[str, Any]:
        properties: Mapping[str, Any] = self._schema.get("properties", {})
        return properties

    def _explained(self, error: ValidationError) -> str:
        if not error.absolute_path and error.validator == "required":
            return self._missing([name for name in error.validator_value if name not in error.instance])
        if not error.absolute_path and error.validator == "additionalProperties":
            unknown = next((name for name in error.instance if name not in self._properties), "?")
            return f"there is no argument {_cut(unknown)!r}; known: {', '.join(self._properties) or 'none'}"
        deepest = best_match([error]) or error
        where = ".".join(str(part) for part in deepest.absolute_path) or "arguments"
        if deepest.validator in ("type", "enum", "const"):
            return f"argument {_cut(where)!r}: expected {_expected(deepest.schema)}, got {_shown(deepest.instance)}"
        return f"argument {_cut(where)!r}: {_cut(deepest.message)}"

    def _missing(self, names: list[str]) -> str:
        expected = (f"{name!r} ({_expected(self._properties.get(name, {}))})" for name in names)
        return f"missing: {', '.join(expected)}"


def _texts_as_json(arguments: Mapping[str, Any], errors: list[ValidationError]) -> Iterator[tuple[str, Any]]:
    for name in {str(error.absolute_path[0]) for error in errors if error.absolute_path}:
        if isinstance(text := arguments.get(name), str):
            try:
                yield name, msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                continue


def _resolve_all(schema: Mapping[str, Any]) -> None:
    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    resolver = Registry().with_resource("", resource).resolver()
    for reference in _references(schema):
        resolver.lookup(reference)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(reference := node.get("$ref"), str):
            yield reference
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _expected(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "another value"
    if "enum" in schema:
        return "one of " + ", ".join(_shown(value) for value in schema["enum"])
    if "const" in schema:
        return _shown(schema["const"])
    kinds = schema.get("type", "a value")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def _shown(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False, default=repr))


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}…"
