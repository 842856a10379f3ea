"""Requests that name many tools: what the model is told of, how it finds others, and what is traced of the choice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyball.core.decision import Decision
from flyball.core.engine import Abilities
from flyball.server.traces.reader import TraceReader

from .many_tools import CITIES
from .scripted_model import AFTER_RESULT
from .serving import Served, serving, tool

FILE = str(Path(__file__).with_name("many_tools.py"))
EVERY = {"tools": ["*"]}
TOOLS: dict[str, Any] = {"files": [FILE], "room": 3, "search": {"enabled": False}}


@pytest.fixture(scope="module")
def many() -> Iterator[Served]:
    with serving(tools=TOOLS) as served:
        yield served


def told(served: Served, body: dict[str, Any]) -> list[str]:
    """Names of the tools in the prompt of a response's first call."""
    prompt = served.service.format.decode(served.calls_of(body)[0].ids)
    block = prompt.partition("<tools>\n")[2].partition("\n</tools>")[0]
    return [json.loads(line)["function"]["name"] for line in block.splitlines()]


def test_of_many_tools_those_are_told_that_fit_the_question_and_the_one_that_finds_others(many: Served) -> None:
    body = many.chat("How is the weather?", flyball=EVERY)

    names = told(many, body)
    assert names[:2] == ["search_tools", "forecast"]
    assert len(names) <= 4


def test_what_is_named_one_by_one_is_chosen_from_as_well(many: Served) -> None:
    names = [f"map_{city}" for city in CITIES]
    body = many.chat("Draw the streets of town7.", flyball={"tools": names})

    assert told(many, body)[:2] == ["search_tools", "map_town7"]
    assert "forecast" not in told(many, body)


def test_few_are_all_told_in_the_order_of_the_request(many: Served) -> None:
    body = many.chat("hello", flyball={"tools": ["map_town3", "forecast"]})

    assert told(many, body) == ["map_town3", "forecast"]


def test_search_tools_brings_the_schemas(many: Served) -> None:
    body = many.chat("What is the weather in Paris?", flyball=EVERY | {"events": True})

    call, result = body["flyball"]["events"]
    assert (call["name"], result["status"]) == ("search_tools", "ok")
    (found,) = (json.loads(line) for line in result["text"].splitlines())
    assert found["name"] == "forecast"
    assert found["parameters"]["properties"] == {"city": {"type": "string"}}
    assert body["choices"][0]["message"]["content"] == AFTER_RESULT


def test_a_tool_of_the_clients_wins_over_one_of_the_servers_that_nobody_named(many: Served) -> None:
    body = many.chat("weather", tools=[tool("forecast")], flyball=EVERY)

    assert told(many, body).count("forecast") == 1
    assert body["choices"][0]["finish_reason"] == "tool_calls"


def test_the_budget_rules_tools_out(many: Served) -> None:
    body = many.chat("How is the weather?", flyball=EVERY | {"budget": {"tool_calls": {"forecast": 0}}})

    assert "forecast" not in told(many, body)


def test_a_session_is_told_the_same_tools_again(many: Served) -> None:
    asked = EVERY | {"session": "s"}
    first = told(many, many.chat("How is the weather?", flyball=asked))
    later = told(many, many.chat("Draw the streets of town7.", flyball=asked))
    assert later[: len(first)] == first

    assert many.http.delete("/v1/flyball/sessions/s").status_code == 200


def test_the_choice_and_its_probability_are_traced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'traces.sqlite'}"
    with serving(tools=TOOLS | {"explore": 0.5}, traces={"url": url}) as served:
        body = served.chat("Draw the streets, and say how the weather is in Paris.", flyball=EVERY, seed=1)
        names = told(served, body)
    with TraceReader(url) as reader:
        episode = reader.episode(body["id"])
    assert episode is not None
    (trajectory,) = episode.trajectories
    first, found = trajectory.decisions()
    assert isinstance(first, Decision)
    assert (first.kind, first.position) == ("tools", 0)
    assert ["search_tools", *first.chosen] == names
    assert first.probability is not None and 0 < first.probability < 1
    assert "forecast" in first.candidates
    assert found.position > 0
    assert found.chosen == ("forecast",)


def test_tools_are_listed_and_found(many: Served) -> None:
    every = many.http.get("/v1/flyball/tools").json()["tools"]
    found = many.http.get("/v1/flyball/tools", params={"query": "weather", "k": 5}).json()["tools"]

    assert len(every) == 60
    assert every[0].keys() == {"name", "description", "parameters", "effect", "usd"}
    assert found[0]["name"] == "forecast" and found[0]["score"] > 0
    assert found[0]["parameters"]["properties"] == {"city": {"type": "string"}}


def test_where_all_tools_are_few_every_one_is_told() -> None:
    with serving(tools=TOOLS | {"few": 60}, abilities=Abilities(context_length=8192)) as served:
        assert len(told(served, served.chat("hello", flyball=EVERY))) == 60


def test_few_tools_can_be_found_too(served: Served) -> None:
    found = served.http.get("/v1/flyball/tools", params={"query": "search the documents"}).json()["tools"]

    assert [each["name"] for each in found] == ["search"]


def test_a_query_that_is_too_long_is_refused(many: Served) -> None:
    assert many.http.get("/v1/flyball/tools", params={"query": "x" * 3000}).status_code == 400
