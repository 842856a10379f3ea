"""What the reasoner is taught without documents: errors and their correction, overthinking, and hints."""

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from tokenizers import Tokenizer

from flyball.training.pocket.reasoner import hints, wording
from flyball.training.pocket.reasoner.behaviour import BEHAVIOUR, Behaviour
from flyball.training.pocket.reasoner.problems import BigProblem, BlindProblem, ChainProblem, Problem
from flyball.training.pocket.reasoner.scratch import Piece, Scratch
from flyball.training.pocket.reasoner.solitary import skips, think
from flyball.training.pocket.reasoner.thinking import Thinker
from flyball.training.pocket.vocabulary import learn_tokenizer
from flyball.training.pocket.world.big import ask_big, draw_big
from flyball.training.pocket.world.chain import MAX_STEPS, ask_chain, draw_chain
from flyball.training.pocket.world.question import UNKNOWN, Question, grade

UNHINTED = replace(BEHAVIOUR, hint_at_end=0, hint_at_start=0, hint_in_middle=0, hint_again=0, cut=0, probe=0)
"""Nobody interferes."""
RELIABLE = replace(UNHINTED, tool_error=0, wrong_code=0, no_executor=0, budget=0, trust_hint=0, own_python=0)
"""Besides, tools always work, and are not used without a hint."""
REFLECTION = re.compile(r"(Wait|Alternatively|Hmm|Let me double-check)\b")
RESULT = re.compile(r"result is ([\w ]+)")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn_tokenizer(300, 0)


def a_chain(rng: random.Random, steps: int = 0) -> ChainProblem:
    return ChainProblem.of(ask_chain(rng, draw_chain(rng, "train", steps or rng.randint(1, MAX_STEPS))))


def a_sum(rng: random.Random) -> BigProblem:
    return BigProblem(ask_big(rng, draw_big(rng, "train", rng.randint(3, 6))))


def a_secret(rng: random.Random) -> BlindProblem:
    return BlindProblem(Question("one_hop", "Who is the mayor of Velamor?", "Mira Tarn", 1))


def join(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


# -- errors, corrections and overthinking --------------------------------------------------------------------------------


def test_about_a_tenth_of_the_first_attempts_at_chains_err() -> None:
    rng = random.Random(0)
    problems = [a_chain(rng) for _ in range(4000)]
    wrong = sum(problem.attempt(rng, BEHAVIOUR, Scratch()) != problem.answer for problem in problems)
    assert 0.05 < wrong / len(problems) < 0.15


def test_an_attempt_that_erred_is_corrected_later_in_the_thinking(tokenizer: Tokenizer) -> None:
    rng, always, erred = random.Random(1), replace(RELIABLE, slip=1.0), 0
    for _ in range(300):
        problem = a_chain(rng)
        first, *later = RESULT.findall(join(think(rng, always, tokenizer, problem)))
        erred += first != problem.answer
        assert [first, *later][-1] == problem.answer
    assert erred > 200


def test_a_mistake_may_be_looked_over_before_it_is_found_and_is_found_in_the_end(tokenizer: Tokenizer) -> None:
    rng, fair, looked_over = random.Random(9), replace(RELIABLE, slip=1.0, full_check_first=False), 0
    for _ in range(300):
        problem = a_chain(rng)
        first, *later = RESULT.findall(join(think(rng, fair, tokenizer, problem)))
        looked_over += first != problem.answer and first in later
        assert [first, *later][-1] == problem.answer
    assert looked_over > 60


def test_who_has_checked_everything_once_only_looks_it_over_from_then_on(tokenizer: Tokenizer) -> None:
    rng = random.Random(12)
    brief = replace(RELIABLE, full_check=0.5, full_check_again=0.0, verifications=(0, 0, 0, 0, 1))
    full: Counter[int] = Counter()
    for _ in range(200):
        thoughts = join(think(rng, brief, tokenizer, a_chain(rng, steps=5))).partition("</think>")[0].split("\n\n")
        full[sum(len(re.findall(r"\d", thought)) >= 15 for thought in thoughts[1:])] += 1
    assert full[1] > 150
    assert max(full) == 1


def test_hints_and_failing_tools_leave_hardly_an_error_uncorrected(tokenizer: Tokenizer) -> None:
    rng, tampered = random.Random(2), replace(BEHAVIOUR, slip=1.0, cut=0, probe=0)
    wrong = 0
    for _ in range(1000):
        problem = a_chain(rng)
        wrong += not grade(join(think(rng, tampered, tokenizer, problem)), problem.answer)
    assert wrong / 1000 < 0.02


def test_a_wrong_result_with_long_numbers_is_believed_until_a_program_says_otherwise() -> None:
    rng = random.Random(3)
    for _ in range(200):
        thinker = Thinker(rng, replace(RELIABLE, wrong_by_hand=1), a_sum(rng), Scratch())
        thinker.attempt()
        believed = thinker.stated
        thinker.verify((0, 0, 0, 1))
        assert thinker.stated == believed != thinker.problem.answer
        thinker.heed_python(opened=False)
        assert thinker.stated == thinker.problem.answer


def test_a_chain_is_verified_up_to_eight_times_and_three_times_or_more_on_average(tokenizer: Tokenizer) -> None:
    rng = random.Random(4)
    counts = []
    for _ in range(1500):
        thoughts = join(think(rng, RELIABLE, tokenizer, a_chain(rng))).partition("\n</think>")[0].split("\n\n")
        assert "result is" in thoughts[0]
        assert all(REFLECTION.match(thought) and "result is" in thought for thought in thoughts[1:])
        counts.append(len(thoughts) - 1)
    assert set(counts) == set(range(9))
    assert 3 <= sum(counts) / len(counts) <= 4.5


def test_verifications_come_in_many_words(tokenizer: Tokenizer) -> None:
    rng = random.Random(5)
    turns = [join(think(rng, RELIABLE, tokenizer, a_chain(rng))) for _ in range(200)]
    used = [opener for opener in wording.REFLECTIONS if any(f"\n\n{opener} " in turn for turn in turns)]
    assert used == list(wording.REFLECTIONS)
    assert len({match[1] for match in map(REFLECTION.match, used) if match}) == 4


def test_python_is_reached_for_without_a_hint_in_a_few_examples_only(tokenizer: Tokenizer) -> None:
    rng = random.Random(6)
    turns = [join(think(rng, UNHINTED, tokenizer, a_sum(rng))) for _ in range(800)]
    assert 0 < sum("```python" in turn for turn in turns) / 800 < 0.1


def test_short_chains_open_without_thinking_far_more_often_than_long_ones() -> None:
    def skipped(steps: int) -> float:
        rng = random.Random(0)
        return sum(skips(rng, BEHAVIOUR, a_chain(rng, steps)) for _ in range(1000)) / 1000

    assert skipped(1) == pytest.approx(0.5, abs=0.05)
    assert skipped(2) == pytest.approx(0.3, abs=0.05)
    assert skipped(8) < 0.06


# -- hints ---------------------------------------------------------------------------------------------------------------


def hinted(
    kind: hints.HintKind, problem: Problem, behaviour: Behaviour = RELIABLE, declared: bool = False
) -> tuple[str, str, str]:
    """What a model with a result reads as a hint of that kind, what it then writes, and what all that ends in."""
    thinker = Thinker(random.Random(problem.question.text), behaviour, problem, Scratch(), declared)
    thinker.attempt()
    hints.hint_at_end(thinker, kind)
    _, hint, *after = thinker.scratch.pieces
    assert not hint.learned
    assert thinker.stated is not None
    return hint.text.strip(), join(after).strip(), thinker.stated


@pytest.mark.parametrize("kind", ["verify", "nonsense"])
def test_after_a_hint_to_check_or_one_of_no_sense_a_chain_is_computed_again(kind: hints.HintKind) -> None:
    rng = random.Random(0)
    for problem in (a_chain(rng) for _ in range(100)):
        hint, after, stated = hinted(kind, problem, replace(RELIABLE, slip=1.0))
        assert (hint in wording.VERIFY_HINTS) is (kind == "verify")
        assert len(re.findall(r"\d[+*-]\d(?:=| is )\d", after)) == problem.question.difficulty
        assert stated == problem.answer


def test_after_a_hint_to_use_python_the_program_is_written_and_its_output_read() -> None:
    rng = random.Random(1)
    for problem in [a_chain(rng) for _ in range(50)] + [a_sum(rng) for _ in range(50)]:
        hint, after, stated = hinted("python", problem, replace(RELIABLE, open_fence=0))
        code = f"```python\n{problem.code}\n```\n```output\n{problem.answer}\n```\n"
        assert hint in wording.PYTHON_HINTS
        assert code in after
        assert problem.answer in after.partition(code)[2]
        assert stated == problem.answer


def test_a_fence_that_the_hint_opened_is_filled_and_closed() -> None:
    rng = random.Random(2)
    for problem in (a_sum(rng) for _ in range(50)):
        hint, after, _ = hinted("python", problem, replace(RELIABLE, open_fence=1))
        assert hint.endswith("```python")
        assert after.startswith(f"{problem.code}\n```\n```output\n")


def test_a_hint_to_use_python_leads_to_a_call_where_python_is_declared() -> None:
    rng = random.Random(3)
    for problem in (a_sum(rng) for _ in range(50)):
        _, after, stated = hinted("python", problem, replace(RELIABLE, open_fence=0), declared=True)
        assert re.search(r'\n</think>\n\n<tool_call>\n\{"name": "python", "arguments": .*\}\n</tool_call>', after)
        assert "```" not in after
        assert stated == problem.answer


@pytest.mark.parametrize("make", [a_chain, a_sum, a_secret])
def test_a_hint_to_search_is_of_no_use_without_documents(make: Callable[[random.Random], Problem]) -> None:
    for seed in range(30):
        problem = make(random.Random(seed))
        hint, after, stated = hinted("search", problem, replace(RELIABLE, wrong_by_hand=0, slip=0, lapse=0))
        assert hint in wording.SEARCH_HINTS
        assert after in {phrase.format(d=problem.answer) for phrase in wording.USELESS_SEARCH}
        assert stated == problem.answer


def test_a_hint_to_use_python_is_of_no_use_for_a_fact() -> None:
    _, after, stated = hinted("python", a_secret(random.Random(0)))
    assert after in {phrase.format(d=UNKNOWN) for phrase in wording.USELESS_PYTHON}
    assert stated == UNKNOWN


@pytest.mark.parametrize(
    ("behaviour", "phrases"),
    [
        (replace(RELIABLE, hint_at_start=1.0), wording.PYTHON_OPENINGS),
        (replace(RELIABLE, hint_in_middle=1.0), wording.PYTHON_MIDDLES),
    ],
)
def test_a_hint_at_the_start_or_after_a_reflection_word_is_heeded_too(
    tokenizer: Tokenizer, behaviour: Behaviour, phrases: tuple[str, ...]
) -> None:
    rng = random.Random(4)
    texts = [join(think(rng, behaviour, tokenizer, a_sum(rng))) for _ in range(100)]
    to_python = [text for text in texts if any(phrase in text for phrase in phrases)]
    assert len(to_python) > 40
    assert all("```python\n" in text and "```output\n" in text for text in to_python)


def test_after_a_hint_not_to_doubt_python_nothing_is_verified(tokenizer: Tokenizer) -> None:
    rng = random.Random(5)
    for _ in range(50):
        problem = a_sum(rng)
        text = join(think(rng, replace(RELIABLE, own_python=1, trust_hint=1), tokenizer, problem))
        trusted = next(hint for hint in wording.TRUST_HINTS if hint in text)
        after = text.partition(trusted)[2].partition("\n</think>")[0].strip()
        assert after in {phrase.format(d=problem.answer) for phrase in wording.READINGS}
