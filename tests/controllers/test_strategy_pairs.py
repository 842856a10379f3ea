"""Every strategy beside every controller, with tools and a budget: it ends, its figures add up, and nothing is left."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.registry import STRATEGIES, build_strategy, names
from flyball.core.engine import Abilities
from flyball.core.events import Asked
from flyball.core.ledger import AUXILIARY, TOKENS
from flyball.core.trajectory import replay
from flyball.tools.marks import tool

from .auxiliaries import Auxiliary
from .early import start_comparing
from .test_streams_equal import OURS, label
from .test_streams_equal import replies as replies_to_controllers
from .test_tool_streams_equal import Coder
from .toolbox import add, offered
from .worlds import Run, pocket, run

STRATEGIES_: Mapping[str, list[dict[str, Any]]] = {
    "autoif": [{"checks": 2, "retries": 1}],
    "bats": [{"attempts": 2, "stretches": 2, "form": "word", "asks": 1}],
    "deepconf": [{"n": 4, "warmup": 2, "window": 4, "every": 2}, {"mode": "offline", "n": 3, "window": 4}],
    "nothinking": [{"n": 3}, {"n": 2, "choice": "confidence"}],
    "self_consistency": [{"n": 3}, {"n": 4, "window": 2}],
}
ALL = [{"name": name, **params} for name in sorted(STRATEGIES_) for params in STRATEGIES_[name]]
BUDGET = {"tool_calls.python": 5.0, "tool_calls.add": 3.0, "tokens": 4000.0, "fan_out": 6.0}
_HARNESS = re.compile(r"print\('([0-9a-f]+)' \+ .*_flyball_outcomes\((\[.*\])\)\)\)", re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def comparing() -> None:
    start_comparing()


@tool(effect="side_effects")
def python(code: str) -> str:
    """Says of autoif's checks that no answer passes, and of other code that it is long."""
    harness = _HARNESS.search(code)
    if harness is None:
        return str(len(code))
    return harness[1] + json.dumps([False] * (harness[2].count("', '") + 1))


def replies(question: str) -> str:
    """An auxiliary model that has something for every strategy and controller."""
    if "SUCCESS, CONTINUE or PIVOT" in question:
        return "SUCCESS" if "1" in question[-40:] else "CONTINUE"
    if "def evaluate" in question:
        return json.dumps({"func": "def evaluate(response): return False", "cases": [{"input": "x", "output": False}]})
    return r"\boxed{A}" if "letter" in question else replies_to_controllers(question)


def sensible(strategy: Mapping[str, Any], controller: Mapping[str, Any]) -> bool:
    """bats brings the budget tracker along; who says that nobody thinks has nothing to open a thought with."""
    return (strategy["name"], controller["name"]) != ("bats", "budget_tracker")


async def decided(seed: int, strategy: Mapping[str, Any], controllers: list[Any], **options: Any) -> Run:
    models = {name: Auxiliary(replies) for name in ("self", "aux")}
    offer = offered(add, python, fenced=True)
    told = Setting(
        pocket(), Abilities(context_length=4096), frozenset({"add", "python"}), "python", frozenset(models), BUDGET
    )
    return await run(
        Coder(seed),
        strategy=build_strategy(strategy, told),
        strategy_name=strategy["name"],
        controllers=controllers,
        models=models,
        budget=BUDGET,
        max_tokens=70,
        late_tokens=2,
        seed=seed,
        **offer,
        **options,
    )


def check(result: Run) -> None:
    """The request's account is the sum of what its trajectories and their questions took, and no limit was passed."""
    trajectories = [trial.trajectory for trial in result.episode.trials]
    ledger = result.episode.ledger
    assert all(trajectory.finished is not None for trajectory in trajectories)
    sampled = sum(trajectory.sampled + trajectory.dropped for trajectory in trajectories)
    assert ledger.spent(TOKENS) == sampled + ledger.spent(AUXILIARY)
    asked = [event for trajectory in trajectories for event in trajectory.log if isinstance(event, Asked)]
    assert sum(event.completion_tokens for event in asked) <= ledger.spent(AUXILIARY)  # a probe may be cut off
    for item, limit in BUDGET.items():
        assert ledger.spent(item) <= limit or item == TOKENS, item
    for trajectory in trajectories:
        assert replay(trajectory.log).ids == trajectory.ids


def test_every_registered_strategy_takes_part() -> None:
    assert set(STRATEGIES_) == set(names(STRATEGIES))


@pytest.mark.parametrize("strategy", ALL, ids=lambda given: label([given]))
async def test_alone(strategy: Mapping[str, Any]) -> None:
    for seed in range(3):
        for deltas in ((1,), (3, 5), (1000,)):
            check(await decided(seed, strategy, [], deltas=deltas))


PAIRS = [(strategy, controller) for strategy in ALL for controller in OURS if sensible(strategy, controller)]


@pytest.mark.parametrize(("strategy", "controller"), PAIRS, ids=lambda given: label([given]))
async def test_beside_a_controller(strategy: Mapping[str, Any], controller: Mapping[str, Any]) -> None:
    for seed, deltas in ((1, (1,)), (2, (3, 5))):
        check(await decided(seed, strategy, [controller], deltas=deltas))
