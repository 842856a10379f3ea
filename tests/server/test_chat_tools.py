"""Tool calls of POST /v1/chat/completions, plain and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .scripted_model import AFTER_RESULT, ANSWER, THINKING
from .serving import CHAT, Served, asking, error_of, folded, tool

WEATHER = [tool("get_weather"), tool("get_time", "zone", "format")]


@pytest.fixture(params=["plain", "streamed"])
def choice_of(request: pytest.FixtureRequest, served: Served) -> Any:
    """The only choice of a response, however it was sent."""

    def ask(question: str, **fields: Any) -> dict[str, Any]:
        if request.param == "plain":
            choice: dict[str, Any] = served.chat(question, **fields)["choices"][0]
            return choice
        return folded(served.stream(question, **fields))[0]

    return ask


def calls_in(choice: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    calls = [call["function"] for call in choice["message"]["tool_calls"]]
    return [(call["name"], json.loads(call["arguments"])) for call in calls]


def test_a_call_has_an_id_a_name_and_arguments_as_json_text(choice_of: Any) -> None:
    choice = choice_of("weather", tools=WEATHER)

    (call,) = choice["message"]["tool_calls"]
    assert call["id"].startswith("call_")
    assert call["type"] == "function"
    assert calls_in(choice) == [("get_weather", {"city": "Paris"})]
    assert choice["finish_reason"] == "tool_calls"


def test_several_calls_of_one_message_have_ids_of_their_own(choice_of: Any) -> None:
    choice = choice_of("both", tools=WEATHER)

    assert calls_in(choice) == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {"zone": "Paris", "format": "Paris"}),
    ]
    assert len({call["id"] for call in choice["message"]["tool_calls"]}) == 2


def test_thinking_before_a_call_is_kept(choice_of: Any) -> None:
    choice = choice_of("weather", tools=WEATHER)

    assert choice["message"]["reasoning"].strip() == THINKING


def test_content_beside_calls_is_empty(choice_of: Any) -> None:
    assert not choice_of("weather", tools=WEATHER)["message"]["content"]


def test_content_of_a_plain_body_with_calls_is_null(served: Served) -> None:
    assert served.chat("weather", tools=WEATHER)["choices"][0]["message"]["content"] is None


def test_without_parallel_calls_there_is_one_at_most(choice_of: Any) -> None:
    choice = choice_of("both", tools=WEATHER, parallel_tool_calls=False)

    assert calls_in(choice) == [("get_weather", {"city": "Paris"})]
    assert choice["finish_reason"] == "tool_calls"


def test_a_model_that_may_call_need_not(choice_of: Any) -> None:
    choice = choice_of("What is it?", tools=WEATHER, tool_choice="auto")

    assert choice["message"]["content"] == ANSWER
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "stop"


def test_tool_choice_none_shows_the_model_no_tools(served: Served) -> None:
    body = served.chat("weather", tools=WEATHER, tool_choice="none")

    (call,) = served.calls_of(body)
    assert "get_weather" not in served.service.format.decode(call.ids)
    assert body["choices"][0]["message"]["content"] == ANSWER


@pytest.mark.parametrize("chosen", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_forced_call_is_made_and_its_thinking_kept(choice_of: Any, chosen: Any) -> None:
    choice = choice_of("What is it?", tools=WEATHER, tool_choice=chosen)

    assert calls_in(choice) == [("get_weather", {"city": "Paris"})]
    assert choice["message"]["reasoning"].strip() == THINKING
    assert choice["finish_reason"] == "tool_calls"


def test_a_named_tool_is_the_only_one_that_can_be_called(choice_of: Any) -> None:
    named = {"type": "function", "function": {"name": "get_time"}}

    assert calls_in(choice_of("weather", tools=WEATHER, tool_choice=named))[0][0] == "get_time"


def test_a_forced_call_is_enforced_by_a_grammar_from_where_the_answer_begins(served: Served) -> None:
    body = served.chat("What is it?", tools=WEATHER, tool_choice="required")

    thinking, calling = served.calls_of(body)
    assert thinking.sampling.grammar is None
    assert calling.sampling.grammar is not None
    assert served.service.format.decode(calling.ids).endswith("</think>\n\n<tool_call>\n")


def test_pieces_of_a_call_carry_its_index_and_only_the_first_its_name(served: Served) -> None:
    events = served.stream("both", tools=WEATHER)

    pieces = [piece for event in events for piece in event["choices"][0]["delta"].get("tool_calls", [])]
    assert {piece["index"] for piece in pieces} == {0, 1}
    for index in (0, 1):
        first, *others = [piece for piece in pieces if piece["index"] == index]
        assert first.keys() == {"index", "id", "type", "function"}
        assert first["function"].keys() == {"name", "arguments"}
        assert others
        assert all(piece.keys() == {"index", "function"} for piece in others)
        assert all(piece["function"].keys() == {"arguments"} for piece in others)


def test_arguments_are_streamed_as_they_are_written(served: Served) -> None:
    events = served.stream("weather", tools=WEATHER)

    pieces = [piece for event in events for piece in event["choices"][0]["delta"].get("tool_calls", [])]
    assert len([piece for piece in pieces if piece["function"]["arguments"]]) > 3


def test_call_ids_differ_between_choices(served: Served) -> None:
    body = served.chat("weather", tools=WEATHER, n=2)

    assert len({choice["message"]["tool_calls"][0]["id"] for choice in body["choices"]}) == 2


def test_a_conversation_goes_on_with_the_result_of_a_call(served: Served) -> None:
    message = served.chat("weather", tools=WEATHER)["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "sun, 31 degrees"}
    history = [{"role": "user", "content": "weather"}, message, result]

    body = served.chat(messages=history, tools=WEATHER)

    (call,) = served.calls_of(body)
    prompt = served.service.format.decode(call.ids)
    assert '{"name": "get_weather", "arguments": {"city": "Paris"}}' in prompt
    assert "<tool_response>\nsun, 31 degrees\n</tool_response>" in prompt
    assert body["choices"][0]["message"]["content"] == AFTER_RESULT
    assert body["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("arguments", ["", "{}", "not json", "[1]", "[" * 5000])
def test_earlier_arguments_may_be_any_text(served: Served, arguments: str) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": arguments}}
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": [call]}]

    response = served.post(CHAT, {"model": "pocket", "messages": history})

    assert response.status_code in (200, 400), response.text


def _forced(parameters: dict[str, Any]) -> dict[str, Any]:
    look = {"type": "function", "function": {"name": "look", "parameters": parameters}}
    return {"tools": [tool(), look], "tool_choice": "required"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "other"}}, "tools": WEATHER}, "tool_choice"),
        ({"tool_choice": "sometimes", "tools": WEATHER}, "tool_choice"),
        ({"tools": [tool(), tool()]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools.0.function.name"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        (
            {"tools": WEATHER, "tool_choice": "required", "response_format": {"type": "json_object"}},
            "response_format",
        ),
        (_forced({"type": "object", "properties": 5}), "tools.1.function.parameters"),
        (_forced({"type": "object", "$defs": []}), "tools.1.function.parameters"),
        ({"functions": [{"name": "old"}]}, "functions"),
        ({"function_call": {"name": "old"}}, "function_call"),
    ],
)
def test_tools_that_cannot_be_served_are_refused(served: Served, fields: dict[str, Any], param: str) -> None:
    response = served.post(CHAT, asking("weather", **fields))

    assert response.status_code == 400
    assert error_of(response)["param"] == param
