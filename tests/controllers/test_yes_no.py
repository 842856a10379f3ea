"""P(yes) against P(no) of a reply's first token."""

import math

import pytest

from flyball.controllers.yes_no import yes_probability
from flyball.core.model import ModelReply

Likeliest = tuple[tuple[str, float], ...]


def said(*likeliest: tuple[str, float], text: str = "") -> ModelReply:
    return ModelReply(text, 9, 1, likeliest)


@pytest.mark.parametrize(
    ("first", "yes"),
    [
        ((("Yes", -0.1), ("No", -3.0)), True),
        ((("Yes", -3.0), ("No", -0.1)), False),
        ((("Yes", math.log(0.3)), (" yes", math.log(0.3)), ("No", math.log(0.4))), True),
        ((("No", math.log(0.3)), ("NO", math.log(0.25)), ("Yes", math.log(0.45))), False),
        ((("Y", -0.5), ("No", -1.5)), True),
        ((("Well", -0.1), ("No", -4.0)), False),
        ((("None", -0.1), ("Yes", -4.0)), True),
        ((("\n", -0.1), ("**Yes", -4.0)), True),
        ((("yes.", -0.1), ("\nno", -4.0)), True),
    ],
)
def test_spellings_are_summed_and_a_token_may_begin_the_word(first: Likeliest, yes: bool) -> None:
    probability = yes_probability(said(*first))
    assert probability is not None and (probability > 0.5) is yes


def test_the_probability_is_the_share_of_both() -> None:
    reply = said(("It", math.log(0.2)), (" YES", math.log(0.6)), ("no", math.log(0.2)))
    assert yes_probability(reply) == pytest.approx(0.75)


@pytest.mark.parametrize(("text", "probability"), [("Yes, you do.", 1.0), ("no.", 0.0), ("No, it is not", 0.0)])
def test_without_log_probabilities_the_first_word_decides(text: str, probability: float) -> None:
    assert yes_probability(said(text=text)) == probability


@pytest.mark.parametrize(
    "reply",
    [
        said(),
        said(text="Perhaps"),
        said(text="know"),
        said(("Hm", -0.1), text="Yes"),
        said(("cannot", -0.1), ("know", -0.2), ("yesterday", -0.3)),
    ],
)
def test_words_that_only_hold_them_are_neither(reply: ModelReply) -> None:
    assert yes_probability(reply) is None
