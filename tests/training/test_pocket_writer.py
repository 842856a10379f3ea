"""The reasoner's examples as a whole: what of them is learned, and what they are made of."""

import random
import re
from dataclasses import replace

import pytest
from tokenizers import Tokenizer

from flyball.training.pocket.reasoner import wording
from flyball.training.pocket.reasoner.behaviour import BEHAVIOUR, Behaviour
from flyball.training.pocket.reasoner.curriculum import Curriculum, Mixture
from flyball.training.pocket.reasoner.scratch import Piece
from flyball.training.pocket.reasoner.writer import Writer
from flyball.training.pocket.vocabulary import learn_tokenizer

THINKING = replace(BEHAVIOUR, direct=0, soft=0, skip=(0,), skip_other=0, hint_at_start=0, cut=0, probe=0)
"""No mode but thinking."""
END = "<|im_end|>"
RESULTS = ("```output", "<tool_response>", "<budget>", "<|im_start|>", "prin(", "show(")
"""What tools and controllers write, and code that was wrong."""
HINTS = (
    *(*wording.PYTHON_HINTS, *wording.SEARCH_HINTS, *wording.PYTHON_OPENINGS, *wording.PYTHON_MIDDLES),
    *(*wording.VERIFY_MIDDLES, *wording.TRUST_HINTS, *wording.ERRORS),
    *(hint for hint in wording.VERIFY_HINTS if not any(own.startswith(hint[:20]) for own in wording.REFLECTIONS)),
    *(closing for closing in wording.CLOSINGS if closing.strip() != "</think>"),
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn_tokenizer(300, 0)


def join(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def examples(
    tokenizer: Tokenizer, n: int, behaviour: Behaviour = BEHAVIOUR, mixture: Mixture | None = None
) -> list[list[Piece]]:
    """The prompt, then the pieces of the conversation."""
    writer, rng = Writer(tokenizer, "train", Curriculum.constant(behaviour, mixture)), random.Random(0)
    return [writer.pieces(rng) for _ in range(n)]


def sort(name: str) -> Mixture:
    """Examples of one sort only: mental, chain, big, lookup, blind or judging."""
    names = ("mental", "chain", "big", "lookup", "blind", "judging")
    return replace(Mixture(), sorts=tuple(float(name == n) for n in names), declared=0)


def test_an_empty_block_in_the_prompt_is_followed_by_the_answer_alone(tokenizer: Tokenizer) -> None:
    for prompt, *turn in examples(tokenizer, 200, replace(THINKING, direct=1), sort("chain")):
        assert prompt.text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
        assert re.fullmatch(r"The answer is \\boxed\{\d\}\.<\|im_end\|>", join(turn))


def test_no_think_in_the_question_leads_to_an_empty_block_of_the_models_own(tokenizer: Tokenizer) -> None:
    for prompt, *turn in examples(tokenizer, 200, replace(THINKING, soft=1), sort("big")):
        assert prompt.text.endswith(" /no_think<|im_end|>\n<|im_start|>assistant\n")
        assert re.fullmatch(r"<think>\n\n</think>\n\nThe answer is \\boxed\{\d+\}\.<\|im_end\|>", join(turn))
        assert all(piece.learned for piece in turn)


def test_nothing_that_others_wrote_is_learned(tokenizer: Tokenizer) -> None:
    learned = [piece.text for pieces in examples(tokenizer, 3000) for piece in pieces if piece.learned]
    assert [(mark, text) for mark in (*RESULTS, *HINTS) for text in learned if mark in text] == []


def test_prompts_are_only_read_and_calls_code_and_answers_are_learned(tokenizer: Tokenizer) -> None:
    """Ours: a stripped history is read only, as the model learned its calls in the conversations that are whole."""
    behaviour, mixture = replace(BEHAVIOUR, wrong_code=0), replace(Mixture(), stripped=0)
    for prompt, *turn in examples(tokenizer, 3000, behaviour, mixture):
        read = join([piece for piece in turn if not piece.learned])
        assert not prompt.learned
        assert "<tool_call>" not in read
        assert "print(" not in read
        assert END not in read.replace("</tool_response><|im_end|>", "")
        assert turn[-1].learned
        assert turn[-1].text.endswith(END)


def test_tokens_of_prompts_and_results_are_masked_and_the_end_of_the_turn_is_not(tokenizer: Tokenizer) -> None:
    writer, rng = Writer(tokenizer, "train", Curriculum()), random.Random(0)
    never = {tokenizer.token_to_id(token) for token in ("<|im_start|>", "<tool_response>", "</tool_response>")}
    end = tokenizer.token_to_id(END)
    for example in (writer.draw(rng) for _ in range(300)):
        assert len(example.tokens_T) == len(example.learned_T) <= Mixture().max_length
        assert (example.tokens_T[-1], example.learned_T[-1]) == (end, True)
        assert not never & {t for t, learned in zip(example.tokens_T, example.learned_T, strict=True) if learned}


def test_examples_are_reproducible_by_seed(tokenizer: Tokenizer) -> None:
    assert examples(tokenizer, 100) == examples(tokenizer, 100)


def test_chains_are_no_longer_than_training_allows_yet(tokenizer: Tokenizer) -> None:
    writer, rng = Writer(tokenizer, "train", Curriculum.constant(THINKING, sort("chain"))), random.Random(0)
    writer.most_steps = 2
    texts = [join(writer.pieces(rng)[1:]) for _ in range(100)]
    assert max(len(re.findall(r"(?:keep|so|last digit) \d", text.partition("\n\n")[0])) for text in texts) == 2


def test_a_question_for_an_answer_without_thinking_marks_where_its_first_step_is_known(tokenizer: Tokenizer) -> None:
    mixture = replace(Mixture(), sorts=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0), earlier_turn=0.3)
    writer, rng = Writer(tokenizer, "train", Curriculum.constant(mixture=mixture)), random.Random(4)
    words = re.compile(r"(\d)\D*?(\d)( to it)?$")
    for example in (writer.draw(rng) for _ in range(200)):
        ((place, token, _),) = example.known
        read = tokenizer.decode(example.tokens_T[: place + 1], skip_special_tokens=False).rpartition(
            "<|im_start|>user"
        )[2]
        start, digit = (int(found) for found in words.search(read).group(1, 2))  # type: ignore[union-attr]
        results = {value % 10 for value in (start + digit, start - digit, start * digit)}
        assert int(tokenizer.decode([token])) in results
