"""The uniform policy: every candidate with the same, recorded probability."""

import random
from collections import Counter

import pytest

from flyball.policies.base import Context
from flyball.policies.uniform import Uniform


def context(seed: int) -> Context:
    return Context("hint", {"round": 1.0}, random.Random(seed), position=9)


def test_a_choice_is_recorded_with_everything_that_learning_from_it_needs() -> None:
    decision = Uniform().choose(context(0), ["a", "b", "c", "d"])
    assert (decision.kind, decision.policy, decision.candidates) == ("hint", "uniform", ("a", "b", "c", "d"))
    assert (decision.probability, decision.features, decision.position) == (0.25, {"round": 1.0}, 9)
    assert decision.chosen[0] in decision.candidates


def test_the_same_random_source_gives_the_same_choice() -> None:
    assert Uniform().choose(context(3), ["a", "b", "c"]) == Uniform().choose(context(3), ["a", "b", "c"])


def test_every_candidate_is_chosen_about_as_often() -> None:
    chosen = Counter(Uniform().choose(context(seed), ["a", "b", "c"]).chosen[0] for seed in range(900))
    assert set(chosen) == {"a", "b", "c"}
    assert min(chosen.values()) > 240


def test_no_candidates_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Uniform().choose(context(0), [])
