"""What the verifier is taught: labels that are right by construction, near misses, and a balance of Yes and No."""

import random
import re
from collections import Counter
from collections.abc import Callable

import pytest

from flyball.training.pocket.examples import Encoded
from flyball.training.pocket.verifier import wording
from flyball.training.pocket.verifier.writer import (
    NO,
    YES,
    Passage,
    Verdict,
    Writer,
    ask_equivalence,
    ask_existence,
    draw_passage,
    draw_problem,
    draw_verdict,
    equivalence,
    existence,
)
from flyball.training.pocket.vocabulary import learn_tokenizer
from flyball.training.pocket.world.question import Question, Split

STATED = re.compile(
    r"(?:result is|final value is|Answer:|I get|answer is) (.+?)\.?$"
    r"|(?:Hence|we have|This gives) (.+) (?:is the answer|as the final result|in the end)\.$"
    r"|\\boxed\{(.+)\}$"
)
COMPARED = re.compile(r"\nResult A: (.*)\nResult B: (.*)\nDo A and B give", re.DOTALL)


def stated(text: str) -> str | None:
    """The result that a passage ends with, by its words alone."""
    found = STATED.search(text.rstrip().rpartition("\n")[2].rpartition(". ")[2])
    return next(filter(None, found.groups()), None) if found else None


def passages(reached: bool, n: int = 1000) -> list[Passage]:
    rng = random.Random(0)
    return [draw_passage(rng, draw_problem(rng, "train"), reached) for _ in range(n)]


def pairs(n: int = 6000) -> list[tuple[str, str, str]]:
    """Pairs of passages that were compared in the first wording, each with its reply."""
    rng = random.Random(1)
    verdicts = [equivalence(rng, "train") for _ in range(n)]
    return [(found[1], found[2], v.reply) for v in verdicts if (found := COMPARED.search(v.text))]


def test_a_passage_that_reaches_a_result_ends_by_stating_it() -> None:
    assert [(p.text, p.result) for p in passages(reached=True) if stated(p.text) != p.result] == []


def test_a_passage_without_a_result_states_none_at_its_end() -> None:
    """A pinned gap: a value of several characters may be cut in its middle, which its words do not always tell."""
    without = passages(reached=False)
    stating = [passage for passage in without if stated(passage.text)]
    assert len(stating) / len(without) < 0.05
    assert all(len(passage.question.answer) > 1 for passage in stating)


def test_two_passages_agree_when_they_state_the_same_result() -> None:
    compared = [(stated(a), stated(b), reply) for a, b, reply in pairs()]
    assert all(a == b for a, b, reply in compared if reply == YES)
    contradicting = [(a, b) for a, b, reply in compared if reply == NO and a is not None and a == b]
    assert len(contradicting) / len(compared) < 0.005


def test_results_that_differ_are_near_misses_of_one_to_three_digits() -> None:
    numbers = [(stated(a) or "", stated(b) or "") for a, b, reply in pairs() if reply == NO]
    long = [(a, b) for a, b in numbers if a.isdigit() and b.isdigit() and len(a) == len(b) > 2]
    apart = Counter(sum(x != y for x, y in zip(a, b, strict=True)) for a, b in long)
    assert len(long) > 100
    assert apart[0] == 0
    assert apart[1] / len(long) > 0.35
    assert (apart[1] + apart[2] + apart[3]) / len(long) > 0.8


@pytest.mark.parametrize("draw", [draw_verdict, existence])
def test_yes_and_no_are_balanced(draw: Callable[[random.Random, Split], Verdict]) -> None:
    rng = random.Random(2)
    replies = Counter(draw(rng, "train").reply for _ in range(3000))
    assert set(replies) == {YES, NO}
    assert 0.4 < replies[YES] / 3000 < 0.6


def test_questions_are_filled_in_as_the_report_asks_them() -> None:
    question = Question("chain", "Start with 3, add 4.", "7", 1)
    first, second = Passage(question, "So the result is 7.", "7"), Passage(question, "I get 7.", "7")
    assert ask_existence(wording.EXISTENCE[0], first) == (
        "Question: Start with 3, add 4.\nPassage: So the result is 7.\n"
        "Does the passage reach a definite final result for the question? Reply Yes or No."
    )
    assert ask_equivalence(wording.EQUIVALENCE[0], first, second) == (
        "Question: Start with 3, add 4.\nResult A: So the result is 7.\nResult B: I get 7.\n"
        "Do A and B give the same final result? Reply Yes or No."
    )


def test_only_the_reply_is_learned_and_it_begins_with_yes_or_no() -> None:
    tokenizer = learn_tokenizer(300, 0)
    writer, rng = Writer(tokenizer, "train"), random.Random(3)
    examples: list[Encoded] = [writer.draw(rng) for _ in range(300)]
    learned = [
        tokenizer.decode(
            [t for t, own in zip(e.tokens_T, e.learned_T, strict=True) if own], skip_special_tokens=False
        ).removeprefix("<think>\n\n</think>\n\n")
        for e in examples
    ]
    assert all(re.fullmatch(r"(Yes: [^,]+|No: [^,]+, [^,]+|No)\.<\|im_end\|>", text) for text in learned)
    assert max(len(e.tokens_T) for e in examples) <= writer.max_length


def test_the_passages_are_learned_too_in_the_pools_for_reading() -> None:
    writer, rng = Writer(learn_tokenizer(300, 0), "train", reading_pools=2), random.Random(3)
    whole = []
    for pool in range(4):
        writer.begin(pool)
        whole.append(all(all(example.learned_T) for example in (writer.draw(rng) for _ in range(20))))
    assert whole == [True, True, False, False]


def test_verdicts_are_reproducible_by_seed() -> None:
    first, second = ([draw_verdict(rng, "train") for _ in range(50)] for rng in (random.Random(4), random.Random(4)))
    assert first == second


@pytest.mark.parametrize(("balanced", "least", "most"), [(False, 0.0, 0.3), (True, 0.4, 0.6)])
def test_long_numbers_seldom_agree_unless_the_pairs_are_balanced(balanced: bool, least: float, most: float) -> None:
    rng = random.Random(6)
    verdicts = [equivalence(rng, "train", balanced) for _ in range(2000)]
    long = [verdict for verdict in verdicts if re.match(r": \d{4}", verdict.reason)]
    share = sum(verdict.reply == YES for verdict in long) / len(long)
    assert len(long) > 200
    assert least <= share <= most


def test_the_pairs_are_balanced_behind_the_natural_pools() -> None:
    writer = Writer(learn_tokenizer(300, 0), "train", natural_pools=2)
    balanced = []
    for pool in range(4):
        writer.begin(pool)
        balanced.append(writer.balanced)
    assert balanced == [False, False, True, True]


def test_every_digit_of_the_second_result_marks_the_digit_that_it_faces_in_the_first() -> None:
    rng = random.Random(11)
    verdicts = [equivalence(rng, "train") for _ in range(2000)]
    seen = 0
    for verdict in verdicts:
        found = COMPARED.search(verdict.text)
        first, second = (stated(found[1]), stated(found[2])) if found else (None, None)
        if first and second and first.isdigit() and second.isdigit() and len(first) == len(second):
            seen += len(first) > 1
            assert "".join(verdict.text[known.end] for known in verdict.facing) == second
            assert "".join(known.value for known in verdict.facing) == first
            agreeing = [(verdict.text[known.end - 1], known.value) for known in verdict.agreeing]
            assert agreeing == [(b, YES if a == b else NO) for a, b in zip(first, second, strict=True)]
    assert seen > 20


def test_what_a_result_faces_is_taught_from_a_pool_on() -> None:
    writer = Writer(learn_tokenizer(300, 0), "train", facing_from=3, agreeing_from=4)
    most = []
    for pool in (2, 3, 4):
        writer.begin(pool)
        rng = random.Random(5)
        most.append(max(len(writer.draw(rng).known) for _ in range(200)))
    assert most[0] == 2
    assert most[1] > 5
    assert most[2] > most[1] + 3
