"""Budgets, repairs and gates through HTTP: what the response says of them, plain and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .scripted_model import AFTER_RESULT
from .serving import Served, folded, serving

FILE = str(Path(__file__).with_name("tools_file.py"))
TRACKER = {"name": "budget_tracker", "policy": "short", "at_start": True}
BLOCK = "sun Budget Used: 1, sun Budget Remaining: 2\nMake the best use of the available resources."


@pytest.fixture(scope="module")
def tooled() -> Iterator[Served]:
    with serving(tools={"files": [FILE]}) as served:
        yield served


def governed(*controllers: Any, **block: Any) -> dict[str, Any]:
    return {"flyball": {"controllers": list(controllers), "tools": ["sun"], **block}}


def test_the_block_is_in_the_result_that_a_client_reads_and_the_ledger_agrees(tooled: Served) -> None:
    asked = governed(TRACKER, budget={"tool_calls": {"sun": 3}})
    body = tooled.chat("weather", **asked)

    choice = body["choices"][0]
    assert f"Result of sun: sun in Paris\n<budget>\n{BLOCK}\n</budget>\n" in choice["message"]["reasoning"]
    assert choice["message"]["content"] == AFTER_RESULT
    assert body["flyball"]["ledger"]["tool_calls.sun"] == {"spent": 1, "limit": 3}
    assert {"BesideResults"} == {edit for acted in body["flyball"]["acted"] for edit in acted["edits"]}
    streamed = folded(tooled.stream("weather", **asked))[0]["message"]
    assert {name: choice["message"][name] for name in streamed} == streamed


def test_a_model_that_a_method_names_and_that_is_not_there_is_a_400(tooled: Served) -> None:
    for block, param in (
        ({"controllers": [{"name": "tool_star", "debugger": "big"}]}, "flyball.controllers.0.debugger"),
        ({"controllers": [{"name": "metatool", "model": "big"}]}, "flyball.controllers.0.model"),
        ({"strategy": {"name": "bats", "judge": "big"}}, "flyball.strategy.judge"),
        ({"strategy": {"name": "autoif"}}, "flyball.strategy.tool"),
    ):
        response = tooled.http.post(
            "/v1/chat/completions",
            json={
                "model": "pocket",
                "messages": [{"role": "user", "content": "weather"}],
                "flyball": {"tools": ["sun"], **block},
            },
        )
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_every_method_is_listed_with_its_parameters(tooled: Served) -> None:
    listed = tooled.http.get("/v1/flyball/controllers").json()
    assert {"budget_tracker", "thor", "tool_star", "deepagent", "metatool"} <= {
        each["name"] for each in listed["controllers"]
    }
    assert {"bats", "autoif"} <= {each["name"] for each in listed["strategies"]}
