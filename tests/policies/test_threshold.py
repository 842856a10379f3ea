"""Threshold: one of two, by a feature."""

import random
from collections.abc import Mapping

import pytest

from flyball.policies.base import Context
from flyball.policies.threshold import Threshold

P = Threshold("p", 0.5, above="no_think", missing="think")


@pytest.mark.parametrize(
    ("features", "chosen"), [({"p": 0.7}, "no_think"), ({"p": 0.5}, "no_think"), ({"p": 0.4}, "think"), ({}, "think")]
)
@pytest.mark.parametrize("candidates", [("think", "no_think"), ("no_think", "think")])
def test_a_feature_decides_from_a_number_on(
    features: Mapping[str, float], chosen: str, candidates: tuple[str, str]
) -> None:
    decision = P.choose(Context("think", features, random.Random(0), 3), candidates)

    assert (decision.chosen, decision.probability, decision.position) == ((chosen,), 1.0, 3)
    assert (decision.policy, decision.features) == ("threshold:p", features)


def test_it_is_for_two_candidates() -> None:
    with pytest.raises(ValueError):
        P.choose(Context("think", {}, random.Random(0)), ("think", "no_think", "other"))
