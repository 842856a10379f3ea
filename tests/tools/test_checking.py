"""Arguments are read, checked and explained so that a model can mend its call."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.core.errors import ConfigError, ToolError
from flyball.tools.checking import ArgumentCheck, canonical, parse_arguments

SCHEMA = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "maxLength": 10},
        "lines": {"type": "integer", "minimum": 1},
        "mode": {"enum": ["text", "bytes"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "options": {"$ref": "#/$defs/options"},
    },
    "required": ["path"],
    "additionalProperties": False,
    "$defs": {"options": {"type": "object", "properties": {"deep": {"type": ["boolean", "null"]}}}},
}


def check(**arguments: Any) -> dict[str, Any]:
    return ArgumentCheck("read", SCHEMA).check(arguments)


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "arguments"),
    [('{"a": 1}', {"a": 1}), ({"a": 1}, {"a": 1}), ("", {}), ("  \n", {}), (f'{{"a": {2**70}}}', {"a": 2**70})],
)
def test_arguments_are_an_object_or_its_json(given: Any, arguments: dict[str, Any]) -> None:
    assert parse_arguments(given) == arguments


@pytest.mark.parametrize(
    "given",
    ["{", "[1]", "7", '{"a": NaN}', "print(1)", f'{{"a": {"9" * 10_000}}}', '{"a":' * 100_000, '{"a": "\ud800"}'],
)
def test_text_that_is_no_object_is_refused(given: str) -> None:
    with pytest.raises(ToolError, match="the arguments "):
        parse_arguments(given)


def test_equal_arguments_have_one_canonical_form() -> None:
    assert canonical({"b": 1, "a": {"d": "ü", "c": None}}) == canonical({"a": {"c": None, "d": "ü"}, "b": 1})
    assert canonical({"a": {"c": None, "d": "ü"}, "b": 1}) == '{"a":{"c":null,"d":"ü"},"b":1}'


def test_different_arguments_have_different_canonical_forms() -> None:
    values = [1, 1.0, "1", True, None, [1], {"a": 1}, 2**80]
    assert len({canonical({"a": value}) for value in values}) == len(values)


def test_what_is_no_json_has_no_canonical_form() -> None:
    with pytest.raises(ToolError, match="cannot be written as JSON"):
        canonical({"a": object()})


# -- checking ---------------------------------------------------------------------------------------------------------


def test_right_arguments_go_through_unchanged() -> None:
    arguments = {"path": "a", "lines": 3, "mode": "text", "tags": ["x"], "options": {"deep": None}}
    assert check(**arguments) == arguments


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "'path' is missing (expected: string)"),
        ({"path": 7}, "argument 'path': expected string, got 7"),
        ({"path": "a", "lines": "many"}, "argument 'lines': expected integer, got \"many\""),
        ({"path": "a", "lines": True}, "argument 'lines': expected integer, got true"),
        ({"path": "a", "lines": 0}, "argument 'lines': 0 is less than the minimum of 1"),
        ({"path": "a", "mode": "hex"}, 'argument \'mode\': expected one of "text", "bytes", got "hex"'),
        ({"path": "a", "tags": ["x", 1]}, "argument 'tags.1': expected string, got 1"),
        ({"path": "a", "options": {"deep": 1}}, "argument 'options.deep': expected null or boolean, got 1"),
        ({"path": "a", "pth": "b"}, "there is no argument 'pth'; known: path, lines, mode, tags, options"),
        ({"path": 1, "lines": "x"}, "argument 'path': expected string, got 1; argument 'lines': expected integer"),
    ],
)
def test_wrong_arguments_are_explained(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolError) as raised:
        check(**arguments)
    assert str(raised.value).startswith(says)


def test_every_missing_argument_is_named() -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"properties": {}, "required": ["c"]}}, "required": ["a"]}
    with pytest.raises(ToolError) as raised:
        ArgumentCheck("t", schema).check({"b": {}})
    assert sorted(str(raised.value).split("; ")) == ["'a' is missing (expected: integer)", "'b.c' is missing"]


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 'expected integer or null, got "x"'),
        ({"anyOf": [{"type": "integer"}, {"enum": ["a", "b"]}]}, 'expected integer or one of "a", "b", got "x"'),
        ({"oneOf": [{"maxLength": 0}, {"const": 1}]}, '"x" is longer than 0 characters or 1, got "x"'),
        ({"not": {}}, ""),
    ],
)
def test_alternatives_are_explained_by_what_each_expects(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolError) as raised:
        ArgumentCheck("t", {"properties": {"n": schema}}).check({"n": "x"})
    assert str(raised.value).startswith("argument 'n': ")
    assert says in str(raised.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"maxLength": 10},
        {"type": "integer"},
        {"anyOf": [{"maxLength": 10}, {"type": "null"}]},
        {"enum": [f"value {n}" for n in range(10_000)]},
        {"properties": {}, "pattern": "^a$"},
    ],
)
def test_an_explanation_is_short_whatever_the_argument_and_the_schema(schema: dict[str, Any]) -> None:
    with pytest.raises(ToolError) as raised:
        ArgumentCheck("t", {"properties": {"n": schema}}).check({"n": "x" * 100_000})
    assert len(str(raised.value)) < 800


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"tags": '["x", "y"]'}, {"tags": ["x", "y"]}),
        ({"options": '{"deep": true}'}, {"options": {"deep": True}}),
        ({"lines": "7"}, {"lines": 7}),
    ],
)
def test_json_inside_a_text_is_accepted_where_the_schema_wants_no_text(
    given: dict[str, Any], taken: dict[str, Any]
) -> None:
    assert check(path="a", **given) == {"path": "a", **taken}


def test_a_text_that_is_wanted_stays_a_text() -> None:
    """Also when it looks like JSON."""
    assert check(path="7", lines="7") == {"path": "7", "lines": 7}


def test_json_inside_a_text_is_checked_too() -> None:
    with pytest.raises(ToolError, match="'tags': expected array"):
        check(path="a", tags="[1]")


def test_arguments_nested_without_end_do_no_harm() -> None:
    schema = {"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"properties": {"a": {"$ref": "#/$defs/n"}}}}}
    nested: dict[str, Any] = {}
    for _ in range(5000):
        nested = {"a": nested}
    assert ArgumentCheck("t", schema).check(nested) == nested


def test_a_pattern_that_explodes_in_other_engines_is_checked_at_once() -> None:
    check = ArgumentCheck("t", {"properties": {"a": {"pattern": "^(a+)+$"}}})
    with pytest.raises(ToolError, match="'a'"):
        check.check({"a": "a" * 5000 + "!"})


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ToolError, match="the arguments cannot be read"):
        ArgumentCheck("t", {"properties": {"a": {"type": "string"}}}).check({"a": object()})


# -- schemas that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "obj"},
        {"properties": [1]},
        {"type": "array"},
        {"properties": {"a": {"$ref": "#/$defs/missing"}}},
        {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}},
        {"$schema": "http://nowhere.invalid/draft", "properties": {"a": {"$ref": "#/$defs/missing"}}},
        True,
        [],
    ],
)
def test_a_schema_that_is_none_is_a_configuration_error(schema: Any) -> None:
    """A reference to elsewhere is never fetched: it would let a schema make the server call any address."""
    with pytest.raises(ConfigError, match="tool 't': its schema"):
        ArgumentCheck("t", schema)


def test_older_drafts_are_understood() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"n": {"type": "number"}},
        "properties": {"a": {"$ref": "#/definitions/n"}},
    }
    with pytest.raises(ToolError, match="expected number"):
        ArgumentCheck("t", schema).check({"a": "x"})
