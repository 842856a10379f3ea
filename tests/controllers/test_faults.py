"""Auxiliary models that are down or silent, and clients that leave, beside every controller and strategy.

Nothing hangs, nothing is left, the client gets its answer, and the response says what was not done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.registry import CONTROLLERS, build_strategy, find
from flyball.core.engine import Abilities
from flyball.core.errors import EngineError, UpstreamUnreachable
from flyball.core.events import Asked, Noted
from flyball.tools.sessions import Sessions

from .auxiliaries import Auxiliary
from .early import start_comparing
from .test_strategy_pairs import ALL, BUDGET, python, replies
from .test_streams_equal import OURS, label
from .test_tool_streams_equal import Coder
from .toolbox import add, offered
from .worlds import Run, left, nothing_left, opened, plain, pocket, run

MODELS = ("aux", "self", "verifier")
ASKING = [
    *OURS,
    {"name": "adaptive_think", "mode": "policy", "policy": "principles"},
    {"name": "metatool"},
    {"name": "tool_star", "refine_at": 30, "debug": 2},
    {"name": "trimr", "verifier": "verifier"},
]
EVERY = [*ASKING, *ALL]


@pytest.fixture(scope="module", autouse=True)
def comparing() -> None:
    start_comparing()


async def freed(key: str) -> None:
    """What tools keep for a session; nothing, here."""


def is_strategy(given: Mapping[str, Any]) -> bool:
    return given in ALL


def governed(given: Mapping[str, Any], models: Mapping[str, Auxiliary]) -> dict[str, Any]:
    """An episode's options with one controller or strategy."""
    options: dict[str, Any] = {
        "models": models,
        "budget": BUDGET,
        "max_tokens": 70,
        "late_tokens": 2,
        "deltas": (3, 5),
        "sessions": Sessions(freed),
        **offered(add, python, fenced=True),
    }
    if not is_strategy(given):
        return options | {"controllers": [given]}
    tools = frozenset({"add", "python"})
    told = Setting(pocket(), Abilities(context_length=4096), tools, "python", frozenset(models), BUDGET)
    return options | {"strategy": build_strategy(given, told), "strategy_name": given["name"]}


def events(result: Run, kind: type[Any]) -> list[Any]:
    return [event for trial in result.episode.trials for event in trial.trajectory.log if isinstance(event, kind)]


def told_why(result: Run) -> None:
    """Every name whose questions failed says so in the response."""
    failed = {event.by for event in events(result, Asked) if event.error is not None}
    assert failed <= {event.by for event in events(result, Noted)}


@pytest.mark.parametrize("given", EVERY, ids=lambda given: label([given]))
async def test_when_every_auxiliary_model_is_down_the_answer_comes_and_says_so(given: Mapping[str, Any]) -> None:
    for error in (EngineError("it was killed"), UpstreamUnreachable("nobody listens")):
        models = {name: Auxiliary(replies, name=name, error=error) for name in MODELS}
        for seed in range(4):
            result = await run(Coder(seed), seed=seed, **governed(given, models))
            told_why(result)
            assert all(trial.trajectory.finished is not None for trial in result.episode.trials)
            if not is_strategy(given):
                assert [body.content for body in plain(result.episode)] == [result.shown.content]


@pytest.mark.parametrize(
    "given",
    [given for given in ASKING if "seconds" in find(CONTROLLERS, given["name"]).params.model_fields],
    ids=lambda given: label([given]),
)
async def test_a_model_that_never_replies_is_waited_for_so_long_and_no_longer(given: dict[str, Any]) -> None:
    models = {name: Auxiliary(replies, name=name) for name in MODELS}
    for model in models.values():
        model.free.clear()
    told: list[str] = []
    for seed in range(2):
        result = await run(Coder(seed), seed=seed, **governed({**given, "seconds": 0.01}, models))
        assert all(model.running == 0 for model in models.values())
        told += [event.text for event in events(result, Noted)]
    # A question whose place was edited away in the meantime is given up, and nothing is missing then.
    assert not any(model.asked for model in models.values()) or any("within 0.01 s" in text for text in told)


@pytest.mark.parametrize("free", [True, False], ids=["replies", "silent"])
@pytest.mark.parametrize("given", EVERY, ids=lambda given: label([given]))
async def test_a_client_that_leaves_at_any_moment_leaves_nothing(given: Mapping[str, Any], free: bool) -> None:
    for turns in (*range(0, 40, 3), 60, 90, 150, 240):
        models = {name: Auxiliary(replies, name=name) for name in MODELS}
        if not free:
            for model in models.values():
                model.free.clear()
        options = governed(given, models)
        episode, engine = opened(Coder(turns), seed=turns, **options)
        await left(episode, turns)
        await nothing_left(engine)
        assert all(model.running == 0 for model in models.values())
        assert len(options["sessions"]) == 0
        for trial in episode.trials:
            assert trial.trajectory.finished is not None


VOTING = [given for given in ALL if given["name"] in ("self_consistency", "deepconf", "nothinking")]


@pytest.mark.parametrize("given", VOTING, ids=lambda given: label([given]))
async def test_a_server_that_has_room_for_fewer_sessions_lets_fewer_samples_vote(given: Mapping[str, Any]) -> None:
    models = {name: Auxiliary(replies, name=name) for name in MODELS}
    options = governed(given, models) | {"sessions": Sessions(freed, most=2)}
    result = await run(Coder(1), seed=1, **options)

    begun = [trial for trial in result.episode.trials if trial.trajectory.sampled]
    assert 1 <= len(begun) <= given["n"]
    assert result.shown.finish is not None
    assert len(options["sessions"]) == 0
