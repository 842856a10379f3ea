"""Arguments of a call: read, checked against the tool's schema, and written in one canonical form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec
from jsonschema_rs import ValidationError, ValidationErrorKind

from ..core.errors import ConfigError, ToolError

_TEXT_LIMIT, _EXPECTED_LIMIT = 120, 600
_ERRORS_SEEN, _ERRORS_SHOWN = 50, 3


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

    References are looked up in the schema only, never fetched; a pattern cannot make a check take long.
    Errors: ConfigError when the schema is none, or is not that of an object.

    Example: with {"properties": {"n": {"type": "integer"}}} the argument n = "7" is accepted as 7, n = "x" is refused.
    """

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
            raise ConfigError(f"tool {name!r}: its schema must be that of an object, not {_shown(schema)}")
        self._properties: Mapping[str, Any] = schema.get("properties", {})
        try:
            self._validator = jsonschema_rs.validator_for(dict(schema), offline=True)
        except ValueError as error:
            reason = str(error).partition("\n")[0]
            raise ConfigError(f"tool {name!r}: its schema is no JSON Schema: {reason}") from error

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that the tool gets. Errors: ToolError that says which argument is wrong and what is expected."""
        given = dict(arguments)
        try:
            errors = list(islice(self._validator.iter_errors(given), _ERRORS_SEEN))
            read = given | dict(_texts_as_json(given, errors))
            if not errors or self._validator.is_valid(read):
                return read
        except ValueError as error:  # half a surrogate pair, or something that is no JSON
            raise ToolError(f"the arguments cannot be read: {error}") from None
        raise ToolError("; ".join([self._explained(error) for error in errors[:_ERRORS_SHOWN]]))

    def _explained(self, error: ValidationError) -> str:
        path, kind = ".".join(str(part) for part in error.instance_path), error.kind
        match kind:
            case ValidationErrorKind.Required():
                name = f"{path}.{kind.property}" if path else kind.property
                return f"{name!r} is missing{self._wanted(name)}"
            case ValidationErrorKind.AdditionalProperties() if not path:
                unknown = ", ".join(repr(_cut(name)) for name in kind.unexpected[:_ERRORS_SHOWN])
                return f"there is no argument {unknown}; known: {', '.join(self._properties) or 'none'}"
        expected = _expected(error)
        got = (
            f"expected {_cut(expected, _EXPECTED_LIMIT)}, got {_shown(error.instance)}"
            if expected
            else _cut(error.message)
        )
        return f"argument {_cut(path)!r}: {got}" if path else got

    def _wanted(self, name: str) -> str:
        schema = self._properties.get(name)
        kind = schema.get("type") if isinstance(schema, Mapping) else None
        return f" (expected: {kind})" if isinstance(kind, str) else ""


def _texts_as_json(arguments: Mapping[str, Any], errors: list[ValidationError]) -> Iterator[tuple[str, Any]]:
    for name in {str(error.instance_path[0]) for error in errors if error.instance_path}:
        if isinstance(text := arguments.get(name), str):
            try:
                yield name, msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                continue


def _expected(error: ValidationError) -> str | None:
    """What would have been right, where that can be said in a few words."""
    match error.kind:
        case ValidationErrorKind.Type(types=types):
            return " or ".join(types)
        case ValidationErrorKind.Enum(options=options):
            return "one of " + ", ".join(_shown(value) for value in options)
        case ValidationErrorKind.Constant(expected_value=value):
            return _shown(value)
        case ValidationErrorKind.AnyOf(context=branches) | ValidationErrorKind.OneOfNotValid(context=branches):
            wanted = [_expected(branch[0]) or _cut(branch[0].message) for branch in branches if branch]
            return " or ".join(dict.fromkeys(wanted))
    return None


def _shown(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False, default=repr))


def _cut(text: str, limit: int = _TEXT_LIMIT) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
