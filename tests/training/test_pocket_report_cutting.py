"""Thinking that is cut, and raw decoding with code in the thinking."""

import random

import pytest
from tokenizers import Tokenizer

from flyball.training.pocket.report.endings import cut, says_what_was_stated
from flyball.training.pocket.report.fenced import code_at_end, output_block
from flyball.training.pocket.report.line import Line
from flyball.training.pocket.report.rows import Reply, Row
from flyball.training.pocket.tokenizer import train_tokenizer

THINKING = "Start with 3.\nNow add 1: 3 + 1 = 4, keep 4.\nSo the result is 4.\n\nWait. Yes, the result is 4."


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Any pocket tokenizer."""
    return train_tokenizer([THINKING])


def test_a_cut_keeps_whole_tokens_and_loses_at_least_one(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(THINKING).tokens
    kept = {cut(random.Random(seed), tokenizer, THINKING) for seed in range(400)}
    ends = [len(tokenizer.encode(text).tokens) for text in kept]
    assert all(THINKING.startswith(text) for text in kept)
    assert (min(ends), max(ends), len(kept)) == (1, len(tokens) - 1, len(tokens) - 1)


def test_the_same_seed_cuts_at_the_same_place(tokenizer: Tokenizer) -> None:
    assert cut(random.Random(5), tokenizer, THINKING) == cut(random.Random(5), tokenizer, THINKING)


def test_a_thinking_of_one_token_is_kept(tokenizer: Tokenizer) -> None:
    assert cut(random.Random(0), tokenizer, "7") == "7"


@pytest.mark.parametrize(
    ("said", "agrees"),
    [("The answer is \\boxed{4}.", True), ("The answer is \\boxed{3}.", False), ("", False), ("\\[ \\boxed{4}", True)],
)
def test_an_answer_agrees_when_its_box_holds_the_last_stated_result(said: str, agrees: bool) -> None:
    assert says_what_was_stated(Row("?", "3", (Reply(said),), label="4")) is agrees


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I run it.\n```python\nprint(1)", "print(1)"),
        ("```python\nprint(1)\n```\n```output\n1\n```\nAgain:\n```python\nx = 2\nprint(x)", "x = 2\nprint(x)"),
        ("```python\nprint(1)\n```\n```output\n1\n```\nThe result is 1.", None),
        ("No code at all.", None),
        ("The answer.\n</think>\n\n```python\nprint(1)", None),
    ],
)
def test_code_is_read_from_a_fence_that_is_still_open(text: str, code: str | None) -> None:
    assert code_at_end(text) == code


def test_a_result_stands_in_an_output_block() -> None:
    assert output_block("1") == "```output\n1\n```\n"


def test_what_is_appended_is_tokenised_alone(tokenizer: Tokenizer) -> None:
    line = Line(tokenizer, "What?")
    before = len(line.tokens_T)
    line.append("the")
    line.append("re")
    assert line.tokens_T[before:] == tokenizer.encode("the").ids + tokenizer.encode("re").ids
    assert line.text == "there"
    assert tokenizer.decode(line.tokens_T[:before], skip_special_tokens=False).endswith("assistant\n<think>\n")
