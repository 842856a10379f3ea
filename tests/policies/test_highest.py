"""Highest: the candidate with the highest feature of its own."""

import random
from collections.abc import Mapping

import pytest

from flyball.policies.base import Context
from flyball.policies.highest import Highest


@pytest.mark.parametrize(
    ("features", "chosen"),
    [
        ({"said.a": 1.0}, "a"),
        ({"said.a": 0.2, "said.b": 0.5}, "b"),
        ({"said.a": 0.5, "said.b": 0.5}, "a"),
        ({"said.other": 1.0}, "b"),
        ({}, "b"),
    ],
)
def test_the_highest_is_chosen_and_without_any_the_one_for_that(features: Mapping[str, float], chosen: str) -> None:
    decision = Highest("said", missing="b").choose(Context("mode", features, random.Random(0)), ("a", "b"))

    assert (decision.chosen, decision.probability, decision.policy) == ((chosen,), 1.0, "highest:said")
    assert (decision.candidates, decision.features) == (("a", "b"), features)
