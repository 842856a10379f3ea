"""BestFirst takes the first candidates there is room for, and says how probable its set was."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from random import Random

import pytest

from flyball.policies.base import Context
from flyball.policies.best_first import BestFirst


def context(room: float, seed: int = 0) -> Context:
    return Context("tools", {"room": room}, Random(seed), position=3)


def test_it_takes_the_first_candidates_there_is_room_for() -> None:
    decision = BestFirst().choose(context(2), ["a", "b", "c"])
    assert (decision.chosen, decision.probability) == (("a", "b"), 1.0)
    assert decision.candidates == ("a", "b", "c")
    assert (decision.kind, decision.policy, decision.position) == ("tools", "best_first", 3)
    assert decision.features == {"room": 2}


@pytest.mark.parametrize(
    ("room", "chosen"), [(9, ("a", "b")), (0, ()), (-1, ())], ids=["more room than candidates", "none", "less"]
)
def test_it_takes_what_there_is(room: float, chosen: tuple[str, ...]) -> None:
    decision = BestFirst().choose(context(room), ["a", "b"])
    assert (decision.chosen, decision.probability) == (chosen, 1.0)


def test_of_no_candidates_it_takes_none() -> None:
    assert BestFirst(0.5).choose(context(3), []).chosen == ()


def test_without_room_given_it_takes_all() -> None:
    assert BestFirst().choose(Context("tools", {}, Random(0)), ["a", "b"]).chosen == ("a", "b")


def test_exploring_gives_every_set_the_probability_it_says() -> None:
    """4 candidates, room for 2, explore = 0.6: the best set has 0.4 + 0.1, each of the other five 0.1."""
    policy, random = BestFirst(explore=0.6), Random(1)
    said: dict[tuple[str, ...], float | None] = {}
    counted: Counter[tuple[str, ...]] = Counter()
    for _ in range(6000):
        decision = policy.choose(Context("tools", {"room": 2}, random), ["a", "b", "c", "d"])
        said[decision.chosen] = decision.probability
        counted[decision.chosen] += 1

    assert said == {pair: pytest.approx(0.5 if pair == ("a", "b") else 0.1) for pair in combinations("abcd", 2)}
    for pair, probability in said.items():
        assert counted[pair] / 6000 == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize("explore", [-0.1, 1.1])
def test_exploring_with_what_is_no_probability_is_a_mistake(explore: float) -> None:
    with pytest.raises(ValueError):
        BestFirst(explore)
