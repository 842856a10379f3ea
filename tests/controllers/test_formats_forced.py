"""Schemas of calls that must be made."""

from typing import Any

import pytest

from flyball.controllers.formats.forced import call_schema, only_tool
from flyball.core.errors import RequestError


def tool(name: str, **parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def test_several_tools_are_alternatives() -> None:
    schema = call_schema([tool("a"), tool("b")])
    assert [call["properties"]["name"]["const"] for call in schema["anyOf"]] == ["a", "b"]


def test_a_tool_without_parameters_takes_any_object() -> None:
    assert call_schema([{"function": {"name": "a"}}])["properties"]["arguments"] == {"type": "object"}


def test_definitions_move_to_the_root_where_references_find_them() -> None:
    item = {"type": "string"}
    uses = tool("a", type="object", properties={"x": {"$ref": "#/$defs/Item"}}, **{"$defs": {"Item": item}})
    schema = call_schema([uses, tool("b", **{"$defs": {"Item": item}})])
    assert schema["$defs"] == {"Item": item}
    assert "$defs" not in schema["anyOf"][0]["properties"]["arguments"]
    assert "$defs" in uses["function"]["parameters"]


def test_two_meanings_of_one_definition_are_refused() -> None:
    tools = [tool("a", **{"$defs": {"Item": {"type": "string"}}}), tool("b", **{"$defs": {"Item": {"type": "object"}}})]
    with pytest.raises(RequestError) as caught:
        call_schema(tools)
    assert caught.value.param == "tools"


def test_a_family_that_names_tools_outside_of_the_json_takes_one() -> None:
    assert only_tool([tool("a")], "gpt-oss")["function"]["name"] == "a"
    with pytest.raises(RequestError) as caught:
        only_tool([tool("a"), tool("b")], "gpt-oss")
    assert caught.value.param == "tool_choice"
