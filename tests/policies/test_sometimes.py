"""Sometimes: nothing, but with a chance one of the others."""

import random
from collections import Counter

import pytest

from flyball.policies.base import Context
from flyball.policies.sometimes import Sometimes


def context(seed: int) -> Context:
    return Context("kind", {"a": 1.0}, random.Random(seed), 7)


@pytest.mark.parametrize("chance", [0.0, 0.6, 1.0])
def test_each_candidate_is_chosen_as_often_as_its_probability_says(chance: float) -> None:
    decisions = [Sometimes(chance).choose(context(seed), ["none", "a", "b"]) for seed in range(2000)]

    counts = Counter(decision.chosen[0] for decision in decisions)
    said = {decision.chosen[0]: decision.probability for decision in decisions}
    for name, probability in said.items():
        assert counts[name] / 2000 == pytest.approx(probability, abs=0.05)
    assert sum(probability or 0 for probability in said.values()) == pytest.approx(1)


def test_the_decision_names_candidates_features_and_place() -> None:
    decision = Sometimes(1).choose(context(0), ["none", "a"])

    assert (decision.kind, decision.policy, decision.position) == ("kind", "sometimes", 7)
    assert (decision.candidates, decision.chosen, decision.features) == (("none", "a"), ("a",), {"a": 1.0})


@pytest.mark.parametrize("chance", [-0.1, 1.1])
def test_a_chance_is_a_probability(chance: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        Sometimes(chance)


@pytest.mark.parametrize("candidates", [[], ["none"]])
def test_nothing_to_choose_from_is_refused(candidates: list[str]) -> None:
    with pytest.raises(ValueError):
        Sometimes(0.5).choose(context(0), candidates)
