"""GET /v1/models, presets by name, and GET /v1/flyball/controllers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from .scripted_model import ANSWER
from .serving import CHAT, COMPLETIONS, Served, asking, error_of, serving

NAME = "Some/Model:7b"
PRESETS: dict[str, Any] = {
    "brief": {"controllers": [{"name": "thinking_budget", "tokens": 2}], "budget": {"tokens": 500}},
    "7b": {"controllers": [{"name": "adaptive_think", "mode": "no_think"}]},
    "very:brief": {"controllers": [{"name": "thinking_budget", "tokens": 1}]},
    "vote": {"strategy": {"name": "self_consistency", "n": 3}},
}


@pytest.fixture(scope="module")
def presets() -> Iterator[Served]:
    with serving(model={"name": NAME, "adapters": {"tuned": "somewhere"}}, presets=PRESETS) as served:
        yield served


def thinking_tokens(body: dict[str, Any]) -> int:
    tokens: int = body["usage"]["completion_tokens_details"]["reasoning_tokens"]
    return tokens


def test_models_are_the_model_its_adapters_and_both_with_every_preset(presets: Served) -> None:
    body = presets.http.get("/v1/models").json()

    assert body["object"] == "list"
    plain = [NAME, "tuned"]
    names = [card["id"] for card in body["data"]]
    assert names == plain + [f"{name}:{preset}" for name in plain for preset in PRESETS]
    for card in body["data"]:
        assert card["object"] == "model"
        assert isinstance(card["created"], int)
        assert card["owned_by"] == "flyball"


@pytest.mark.parametrize("name", [NAME, "tuned", f"{NAME}:brief"])
def test_one_model_is_found_by_its_name_with_slashes(presets: Served, name: str) -> None:
    for path in (name, name.replace("/", "%2F")):
        assert presets.http.get(f"/v1/models/{path}").json()["id"] == name


def test_an_unknown_model_is_not_found(presets: Served) -> None:
    response = presets.http.get("/v1/models/Some/Other")

    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"


def test_a_preset_governs_a_request_that_names_it(presets: Served) -> None:
    body = presets.chat(model=f"{NAME}:brief")

    assert body["model"] == f"{NAME}:brief"
    assert thinking_tokens(body) == 2
    assert body["flyball"]["ledger"]["tokens"]["limit"] == 500


def test_a_preset_whose_name_holds_another_one_is_itself(presets: Served) -> None:
    assert thinking_tokens(presets.chat(model=f"{NAME}:very:brief")) == 1


def test_a_model_whose_name_ends_like_a_preset_is_itself(presets: Served) -> None:
    assert thinking_tokens(presets.chat(model=NAME)) > 2
    assert thinking_tokens(presets.chat(model=f"{NAME}:7b")) == 0


def test_the_requests_block_wins_over_the_presets_field_by_field(presets: Served) -> None:
    own = {"controllers": [{"name": "thinking_budget", "tokens": 5}]}
    body = presets.chat(model=f"{NAME}:brief", flyball=own)

    assert thinking_tokens(body) == 5
    assert body["flyball"]["ledger"]["tokens"]["limit"] == 500


def test_a_request_can_switch_a_presets_field_off(presets: Served) -> None:
    assert thinking_tokens(presets.chat(model=f"{NAME}:brief", flyball={"controllers": []})) > 2
    assert presets.chat(model=f"{NAME}:vote", flyball={"strategy": None})["flyball"]["trajectories"] == 1


def test_a_preset_can_name_a_strategy(presets: Served) -> None:
    body = presets.chat(model=f"{NAME}:vote")

    assert body["flyball"]["notes"][0]["by"] == "self_consistency"
    assert body["choices"][0]["message"]["content"] == ANSWER


def test_an_adapter_reaches_the_engine_under_its_own_name(presets: Served) -> None:
    for model in ("tuned", "tuned:brief"):
        assert {call.adapter for call in presets.calls_of(presets.chat(model=model))} == {"tuned"}
    assert {call.adapter for call in presets.calls_of(presets.chat(model=NAME))} == {None}


def test_completions_take_no_preset_because_nothing_would_govern_them(presets: Served) -> None:
    response = presets.post(COMPLETIONS, {"model": f"{NAME}:brief", "prompt": "hello"})

    assert response.status_code == 400
    assert error_of(response)["param"] == "model"


def test_controllers_and_strategies_are_listed_with_the_schemas_of_their_parameters(presets: Served) -> None:
    body = presets.http.get("/v1/flyball/controllers").json()

    assert {"adaptive_think", "hint_infer", "thinking_budget"} <= {item["name"] for item in body["controllers"]}
    assert {"self_consistency"} <= {item["name"] for item in body["strategies"]}
    for item in body["controllers"] + body["strategies"]:
        assert item["description"]
        Draft202012Validator.check_schema(item["parameters"])
        assert item["parameters"]["additionalProperties"] is False
    assert body["presets"] == PRESETS


def test_every_listed_controller_that_needs_no_parameters_can_be_named(presets: Served) -> None:
    listed = presets.http.get("/v1/flyball/controllers").json()["controllers"]

    for item in listed:
        if not item["parameters"].get("required"):
            response = presets.post(
                CHAT, asking("hello") | {"model": NAME, "flyball": {"controllers": [{"name": item["name"]}]}}
            )
            assert response.status_code == 200, response.text
