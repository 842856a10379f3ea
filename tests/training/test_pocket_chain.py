import hashlib
import random

import pytest

from flyball.training.pocket.chain import Chain, Operation, Split, ask, grade, questions, stream

CHAIN = Chain(7, (Operation("+", 5), Operation("*", 3), Operation("-", 8)))


def test_a_chain_keeps_the_last_digit_after_every_step() -> None:
    assert CHAIN.values == (7, 2, 6, 8)
    assert CHAIN.answer == 8
    assert CHAIN.key == "7+5*3-8"


def test_paraphrases_of_a_chain_share_its_split() -> None:
    rng = random.Random(0)
    texts = {ask(rng, CHAIN).text for _ in range(50)}
    assert len(texts) > 40
    assert Chain(7, CHAIN.operations).split == CHAIN.split


def test_no_split_holds_a_chain_of_another() -> None:
    splits: tuple[Split, ...] = ("train", "validation", "test")
    keys = [{next(source)[0].key for _ in range(1000)} for source in (stream(s, 0) for s in splits)]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]


def test_questions_are_reproducible_and_never_repeat_a_text() -> None:
    drawn = questions("test", 300, seed=3, steps=[1, 4])
    assert drawn == questions("test", 300, seed=3, steps=[1, 4])
    assert len({q.text for q in drawn}) == len({q.id for q in drawn}) == 300
    assert {q.steps for q in drawn} == {1, 4}
    assert drawn != questions("test", 300, seed=4, steps=[1, 4])


def test_the_world_is_frozen() -> None:
    """Ours: a change of the wording or of the draw is a new world version, never a quiet change of this one."""
    drawn = repr([(q.text, q.answer) for q in questions("test", 100, seed=0)])
    digest = hashlib.sha256(drawn.encode()).hexdigest()
    assert digest == "2e6ebaa2815b655d55440e8068a6040767543a80829377986b1d852a7e9d4dbb"


def test_steps_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and 12"):
        questions("test", 1, seed=0, steps=[13])


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (r"The answer is \boxed{4}.", True),
        (r"\boxed{3} no, \boxed{ 4 }", True),
        (r"\boxed{4} no, \boxed{3}", False),
        (r"\boxed{14}", False),
        ("4", False),
        ("", False),
    ],
)
def test_the_last_box_is_graded_exactly(text: str, right: bool) -> None:
    assert grade(text, "4") is right
