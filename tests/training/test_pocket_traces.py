import random
import re
from dataclasses import replace
from itertools import islice

import pytest
from tokenizers import Tokenizer

from flyball.training.pocket import wording
from flyball.training.pocket.chain import ask, grade, stream
from flyball.training.pocket.corpus import WorldSettings, Writer, sample_texts
from flyball.training.pocket.tokenizer import train_tokenizer
from flyball.training.pocket.traces import Behaviour, Scratchpad, Segment, attempt, think

SETTINGS = WorldSettings()
CHAINS = [chain for chain, _ in islice(stream("train", 0), 2000)]
ASKED = [(chain, ask(random.Random(0), chain)) for chain in CHAINS]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(sample_texts(SETTINGS, 300, 0))


def turns(tokenizer: Tokenizer, behaviour: Behaviour, n: int = 300) -> list[list[Segment]]:
    """The assistant turns of `n` examples, without their prompts."""
    writer = Writer(tokenizer, replace(SETTINGS, behaviour=behaviour), "train")
    rng = random.Random(0)
    return [writer.segments(rng)[1:] for _ in range(n)]


def test_about_a_tenth_of_the_first_attempts_err() -> None:
    rng = random.Random(0)
    wrong = sum(attempt(rng, Behaviour(), chain, asked, Scratchpad()) != chain.answer for chain, asked in ASKED)
    assert 0.05 < wrong / len(CHAINS) < 0.12


def test_an_attempt_that_erred_is_corrected_by_a_verification() -> None:
    rng = random.Random(1)
    behaviour = Behaviour(error_per_step=1.0)
    blocks = [(chain, think(rng, behaviour, chain, asked, hinted=False)) for chain, asked in ASKED[:300]]
    assert all(block.result == chain.answer for chain, block in blocks)
    assert all(block.pad.known(len(block.pad.text)) == chain.answer for chain, block in blocks)


def test_every_verification_starts_a_paragraph_with_a_reflection_word() -> None:
    rng = random.Random(2)
    counts = set()
    for chain, asked in ASKED[:300]:
        first, *later = think(rng, Behaviour(), chain, asked, hinted=False).pad.text.split("\n\n")
        assert "result is" in first
        assert all(re.match(r"(Wait|Alternatively|Hmm)\b", paragraph) for paragraph in later)
        counts.add(len(later))
    assert counts == {0, 1, 2, 3, 4}


def test_a_scratchpad_knows_the_last_result_or_else_the_last_value() -> None:
    pad = Scratchpad()
    pad.state("Start with 3.", 3, False)
    pad.state(" So the result is 5.", 5, True)
    pad.write(" Wait 1 2 3")
    assert pad.known(len("Start with ")) is None
    assert pad.known(len("Start with 3")) == 3
    assert pad.known(len(pad.text)) == 5


def test_injected_hints_are_not_learned_and_lead_to_one_more_verification(tokenizer: Tokenizer) -> None:
    behaviour = Behaviour(
        direct=0, soft=0, skip_one_step=0, skip_longer=0, hinted=1, cut=0, hint_again=0, nonsense_hint=0
    )
    for thinking, hint, again, end in turns(tokenizer, behaviour):
        assert [s.learned for s in (thinking, hint, again, end)] == [True, False, True, True]
        assert hint.text.strip() in wording.HINTS
        assert again.text.count("result is") == 1
        assert end.text.startswith("\n</think>\n\n")


def test_cut_thinking_is_closed_by_text_that_is_not_learned(tokenizer: Tokenizer) -> None:
    behaviour = Behaviour(direct=0, soft=0, skip_one_step=0, skip_longer=0, hinted=0, cut=1)
    for thinking, closing, answer in turns(tokenizer, behaviour):
        assert (thinking.learned, closing.learned, answer.learned) == (True, False, True)
        assert closing.text in wording.CLOSINGS
        stated = re.findall(r"result is (\d)", thinking.text)
        assert not stated or grade(answer.text, stated[-1])


def test_a_prompt_is_never_learned_and_an_end_of_turn_always_is(tokenizer: Tokenizer) -> None:
    writer, rng = Writer(tokenizer, SETTINGS, "train"), random.Random(0)
    start, end = tokenizer.token_to_id("<|im_start|>"), tokenizer.token_to_id("<|im_end|>")
    for example in (writer.draw(rng) for _ in range(200)):
        assert len(example.tokens_T) == len(example.learned_T) <= SETTINGS.max_length
        assert (example.tokens_T[-1], example.learned_T[-1]) == (end, True)
        assert not any(l for t, l in zip(example.tokens_T, example.learned_T, strict=True) if t == start)


def test_short_questions_skip_thinking_far_more_often_than_long_ones(tokenizer: Tokenizer) -> None:
    behaviour = Behaviour(direct=0, soft=0)

    def skipped(weights: tuple[float, ...]) -> float:
        writer = Writer(tokenizer, replace(SETTINGS, behaviour=behaviour, step_weights=weights), "train")
        rng = random.Random(0)
        return sum(writer.segments(rng)[1].text.startswith("<think>\n\n</think>") for _ in range(500)) / 500

    assert 0.2 < skipped((1.0,)) < 0.4
    assert skipped((0.0, 1.0, 1.0)) < 0.06
