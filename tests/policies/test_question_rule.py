"""The rule that thinks about questions that look hard."""

import random

import pytest

from flyball.policies.base import Context
from flyball.policies.question_features import question_features
from flyball.policies.question_rule import QuestionRule

BOTH = ("think", "no_think")
LONG = "You have 6; multiply by 9; times 8; add 7; add 8; times 3."


def chosen(text: str, **limits: int) -> str:
    context = Context("think", question_features(text), random.Random(0))
    return QuestionRule(**limits).choose(context, BOTH).chosen[0]


@pytest.mark.parametrize("text", [LONG, "1 2 3 4 5 6", "word " * 120, "Prove it.", "Mend this:\n```\nx\n```"])
def test_long_calculated_or_argued_questions_are_thought_about(text: str) -> None:
    assert chosen(text) == "think"


@pytest.mark.parametrize("text", ["", "Start with 7, add 5.", "Who wrote Faust?"])
def test_other_questions_are_not(text: str) -> None:
    assert chosen(text) == "no_think"


def test_its_limits_are_parameters() -> None:
    assert (chosen(LONG, steps=6), chosen("Who wrote Faust?", words=3)) == ("no_think", "think")


def test_it_leaves_nothing_to_chance() -> None:
    decision = QuestionRule().choose(Context("think", {"numbers": 9.0}, random.Random(0)), BOTH)

    assert (decision.kind, decision.policy, decision.probability) == ("think", "question_rule", 1.0)
    assert (decision.candidates, decision.features) == (BOTH, {"numbers": 9.0})


def test_it_is_for_two_candidates() -> None:
    with pytest.raises(ValueError):
        QuestionRule().choose(Context("think", {}, random.Random(0)), ("a", "b", "c"))
