"""The studies' plans: every arm is a request that the server takes, and every server's file is a configuration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.controllers.plan import HERE, Run, Scale, load_plan
from benchmarks.controllers.run import STUDIES, asks
from flyball.server.config import load_config
from flyball.training.evaluate.arms import Arm, check_arms
from flyball.training.pocket.world.sets import SETS

from ...server.serving import Served, serving

PLANS = {study: load_plan(study) for study in STUDIES if asks(study)}
RUNS = [(study, run) for study, plan in PLANS.items() for run in plan.runs]
ARMS = [(run, arm) for _, run in RUNS for arm in run.arms]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A scripted server with the tools, models and presets of all the studies' servers."""
    config = load_config(HERE / "servers" / "flyball.toml")
    presets = {name: block.model_dump(exclude_unset=True) for name, block in config.presets.items()}
    tools = {"files": [str(HERE / "servers" / "flawed.py")]}
    with serving(tools=tools, models=[{"name": "verifier", "url": "http://127.0.0.1:9/v1"}], presets=presets) as served:
        yield served


@pytest.mark.parametrize(("run", "arm"), ARMS, ids=[f"{run.name}-{arm.name}" for run, arm in ARMS])
def test_the_server_takes_every_arm(run: Run, arm: Arm, served: Served) -> None:

    body = {"model": "pocket", "temperature": 0.6, "max_tokens": 60} | arm.sampling
    body["messages"] = [{"role": "user", "content": "briefly"}]
    body |= {} if arm.flyball is None else {"flyball": arm.flyball}
    response = served.post("/v1/chat/completions", body)

    assert response.status_code == 200, response.text


@pytest.mark.parametrize(("study", "run"), RUNS, ids=[f"{study}-{run.name}" for study, run in RUNS])
def test_a_run_fits_together(study: str, run: Run) -> None:
    """Arms with different names, a known set, a server's file, and plain responses of runs that there are."""
    check_arms(run.arms)
    assert run.set in SETS
    load_config(HERE / "servers" / f"{run.server}.toml")
    for name in run.reuse:
        other, _, of = name.partition("/")
        (found,) = [each for each in PLANS[other].runs if each.name == of]
        assert (found.set, found.difficulty, found.sampling) == (run.set, run.difficulty, run.sampling)


def test_the_estimate_counts_every_token_of_every_arm_and_baselines_as_much_again() -> None:
    """Five arms of 4,000 requests of 350 tokens are 7 million: 47 minutes at 2,500 a second."""
    run = PLANS["trimr"].runs[0]
    minutes = 5 * 4000 * run.tokens / 2500 / 60

    assert run.minutes(Scale(1000, 4)) == pytest.approx(minutes)
    votes = next(run for run in PLANS["family"].runs if run.name == "votes")
    assert votes.minutes(Scale(1000, 4)) == pytest.approx(2 * 4 * 1000 * votes.tokens / 2500 / 60)
