"""Endings that somebody forces on the thinking: closings that cut it and probes that interrupt it."""

import random
import re
from dataclasses import replace

import pytest
from tokenizers import Tokenizer

from flyball.training.pocket.reasoner import wording
from flyball.training.pocket.reasoner.behaviour import BEHAVIOUR
from flyball.training.pocket.reasoner.endings import answer_after
from flyball.training.pocket.reasoner.problems import ChainProblem
from flyball.training.pocket.reasoner.scratch import Piece, Scratch
from flyball.training.pocket.reasoner.solitary import think
from flyball.training.pocket.vocabulary import learn_tokenizer
from flyball.training.pocket.world.chain import MAX_STEPS, ask_chain, draw_chain
from flyball.training.pocket.world.question import grade

ALONE = replace(BEHAVIOUR, hint_at_end=0, hint_at_start=0, hint_in_middle=0, own_python=0, cut=0, probe=0)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn_tokenizer(300, 0)


def a_chain(rng: random.Random) -> ChainProblem:
    return ChainProblem.of(ask_chain(rng, draw_chain(rng, "train", rng.randint(1, MAX_STEPS))))


def join(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def test_a_scratch_knows_the_last_result_or_else_the_last_value_or_else_what_can_be_supposed() -> None:
    scratch = Scratch()
    scratch.suppose("9")
    scratch.state("Start with 3.", "3", final=False)
    scratch.state(" So the result is 5.", "5")
    scratch.state(" Then 5 + 1 = 6.", "6", final=False)
    assert scratch.known(len("Start with ")) == "9"
    assert scratch.known(len("Start with 3")) == "3"
    assert scratch.known() == "5"


def test_thinking_that_is_cut_ends_in_the_last_result_that_it_stated(tokenizer: Tokenizer) -> None:
    rng, partial, nothing = random.Random(6), 0, 0
    for _ in range(600):
        problem = a_chain(rng)
        *before, ending, answer = think(rng, replace(ALONE, cut=1), tokenizer, problem)
        assert (ending.learned, answer.learned) == (False, True)
        assert ending.text in wording.CLOSINGS
        stated = re.findall(r"result is (\d)", join(before))
        values = re.findall(r"(?:keep|so|last digit) (\d)", join(before))
        partial += not stated and bool(values)
        nothing += not stated and not values
        if stated or values:
            assert grade(answer.text, (stated or values)[-1])
    assert partial > 30
    assert nothing > 0


def test_a_cut_falls_between_thoughts_as_well_as_anywhere_in_them(tokenizer: Tokenizer) -> None:
    rng = random.Random(7)
    last = [join(think(rng, replace(ALONE, cut=1), tokenizer, a_chain(rng))[:-2])[-1] for _ in range(300)]
    assert 60 < sum(character in ".\n" for character in last) < 240


@pytest.mark.parametrize(
    ("ending", "reply"),
    [
        ("\n\nTime is up.\n</think>\n\n", r"The answer is \boxed{42}."),
        ("\n</think>\n\n**Final Answer**\n", r"\boxed{42}"),
        ("\n</think>\n\nFinal answer: ", r"\boxed{42}"),
        ("\n**Solution**\n\\boxed{", "42}"),
        ("\n**Answer**\n\\boxed", "{42}"),
    ],
)
def test_the_end_of_a_closing_or_probe_decides_the_form_of_the_answer(ending: str, reply: str) -> None:
    assert answer_after(ending, "42") == reply + "<|im_end|>"


@pytest.mark.parametrize("ending", wording.CLOSINGS + wording.PROBES)
def test_every_closing_and_probe_is_continued_to_a_whole_box(ending: str) -> None:
    assert grade(ending + answer_after(ending, "Mira Tarn"), "Mira Tarn")


def test_probes_in_the_middle_of_thinking_are_answered_from_what_stands(tokenizer: Tokenizer) -> None:
    rng = random.Random(8)
    for _ in range(200):
        *before, probe, reply = think(rng, replace(ALONE, probe=1), tokenizer, a_chain(rng))
        stated = re.findall(r"result is (\d)", join(before))
        assert probe.text in wording.PROBES
        assert not probe.learned
        assert not stated or grade(probe.text + reply.text, stated[-1])
