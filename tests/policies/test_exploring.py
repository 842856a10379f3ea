"""Exploring: a rule, but with a chance any candidate."""

import random
from collections import Counter

import pytest

from flyball.policies.base import Context
from flyball.policies.exploring import Exploring
from flyball.policies.highest import Highest
from flyball.policies.uniform import Uniform

CANDIDATES = ("a", "b", "c")
RULE = Highest("said", missing="b")


def context(seed: int) -> Context:
    return Context("kind", {"x": 1.0}, random.Random(seed), 7)


@pytest.mark.parametrize("explore", [0.0, 0.3, 1.0])
def test_each_candidate_is_chosen_as_often_as_its_probability_says(explore: float) -> None:
    decisions = [Exploring(RULE, explore).choose(context(seed), CANDIDATES) for seed in range(3000)]

    counts = Counter(decision.chosen[0] for decision in decisions)
    said = {decision.chosen[0]: decision.probability for decision in decisions}
    for name, probability in said.items():
        assert counts[name] / 3000 == pytest.approx(probability, abs=0.04)
    assert sum(probability or 0 for probability in said.values()) == pytest.approx(1)


def test_what_the_rule_says_has_the_chance_of_being_drawn_on_top() -> None:
    said = {
        d.chosen[0]: d.probability for d in (Exploring(RULE, 0.3).choose(context(s), CANDIDATES) for s in range(99))
    }

    assert said["b"] == pytest.approx(0.7 + 0.3 / 3)
    assert said["a"] == said["c"] == pytest.approx(0.3 / 3)


def test_a_policy_that_draws_by_itself_cannot_be_explored_around() -> None:
    with pytest.raises(ValueError, match="draws by itself"):
        Exploring(Uniform(), 0.1).choose(context(0), CANDIDATES)
    assert Exploring(Uniform(), 0).choose(context(0), CANDIDATES).probability == pytest.approx(1 / 3)


@pytest.mark.parametrize("explore", [-0.1, 1.1])
def test_a_chance_is_a_probability(explore: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        Exploring(RULE, explore)
