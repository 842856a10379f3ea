"""Short questions of judges and raters: the reply follows from what the text of the question shows."""

import random
import re
from collections import Counter
from collections.abc import Callable

import pytest

from flyball.training.pocket.reasoner import judging
from flyball.training.pocket.reasoner.behaviour import BEHAVIOUR
from flyball.training.pocket.reasoner.judging import ASPECTS, FALSE, SKILLS, TRUE, UNSURE, Judgement, draw_judgement

STEP = re.compile(r"^(?:Now|Then|Next,) .*: (\d) ([+*-]) (\d) = (-?\d+),", re.MULTILINE)
RESULT = "result is"


def drawn(n: int = 6000) -> list[Judgement]:
    rng = random.Random(0)
    return [draw_judgement(rng, BEHAVIOUR, "train") for _ in range(n)]


JUDGEMENTS = drawn()


def of(marker: str) -> list[Judgement]:
    """The judgements whose question holds the marker."""
    found = [judgement for judgement in JUDGEMENTS if marker in judgement.text]
    assert len(found) > 50
    return found


def wrong_steps(text: str) -> list[str]:
    """The operators of the steps whose equation does not hold."""
    apply: dict[str, Callable[[int, int], int]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
    }
    return [sign for a, sign, d, raw in STEP.findall(text) if apply[sign](int(a), int(d)) != int(raw)]


def problem_of(text: str) -> str:
    """The problem that is judged."""
    return text.partition("Problem: ")[2].partition("\n")[0]


def steps_of(problem: str) -> int:
    """The number of operations of a chain: each has a digit, as the start has."""
    return len(re.findall(r"\b\d\b", problem)) - 1


def test_a_calculation_is_right_when_every_equation_holds() -> None:
    for judgement in of(ASPECTS["calculation"]):
        assert judgement.reply == (FALSE if wrong_steps(judgement.text) else TRUE)


def test_steps_are_complete_when_they_state_a_result() -> None:
    for judgement in of(ASPECTS["complete"]):
        steps = judgement.text.partition("Steps: ")[2]
        assert judgement.reply == (TRUE if RESULT in steps else FALSE)


def test_steps_are_closer_to_the_goal_the_more_of_them_are_done() -> None:
    shares: dict[str, list[float]] = {FALSE: [], UNSURE: [], TRUE: []}
    for judgement in of(ASPECTS["close"]):
        done = len(STEP.findall(judgement.text)) / steps_of(problem_of(judgement.text))
        shares[judgement.reply].append(done)
    assert max(shares[FALSE]) < min(shares[UNSURE]) <= max(shares[UNSURE]) < min(shares[TRUE]) <= max(shares[TRUE]) == 1


def test_a_problem_is_the_more_complex_the_more_steps_it_has() -> None:
    for judgement in of(ASPECTS["complexity"]):
        steps = steps_of(problem_of(judgement.text))
        assert judgement.reply == (TRUE if steps >= 6 else UNSURE if steps >= 3 else FALSE)


def test_steps_model_the_problem_when_they_start_where_it_starts() -> None:
    starts = re.compile(r"(?:Start with|Begin with|Take the number|You have|Think of the digit|number be) (\d)")
    told = 0
    for judgement in of(ASPECTS["modelling"]):
        steps = judgement.text.partition("Steps: ")[2]
        start, first = starts.search(problem_of(judgement.text)), re.search(r"\d", steps)
        if start and first and start[1] != first[0]:
            told += 1
            assert judgement.reply == FALSE
    assert told > 50


def test_the_last_step_is_right_when_its_equation_holds() -> None:
    for judgement in of("Is the last step right?"):
        last = judgement.text.partition("\nIs the last step")[0].rpartition("\n")[2]
        assert judgement.reply == ("-" if wrong_steps(last) else "+")


def test_the_missing_skill_is_that_of_the_wrong_step() -> None:
    for judgement in of("Which skill is missing?"):
        wrong = wrong_steps(judgement.text)
        assert judgement.reply == (SKILLS[wrong[0]] if wrong else "none")


@pytest.mark.parametrize(
    ("template", "chains", "others"),
    [(judging.DIFFICULTY, {"easy", "difficult"}, {"difficult"}), (judging.NEEDS_TOOL, {"no"}, {"yes"})],
)
def test_long_numbers_and_facts_are_difficult_and_need_a_tool(
    template: str, chains: set[str], others: set[str]
) -> None:
    rated = of(template.rpartition("}\n")[2])
    is_chain = re.compile(r"modulo 10|mod 10|last digit")
    assert {j.reply for j in rated if is_chain.search(j.text)} == chains
    assert {j.reply for j in rated if not is_chain.search(j.text)} == others


def test_only_short_chains_are_easy() -> None:
    for judgement in of("easy or difficult"):
        if judgement.reply == "easy":
            assert steps_of(problem_of(judgement.text)) <= 2


def test_research_goes_on_while_there_is_budget_and_something_was_found() -> None:
    for judgement in of("SUCCESS, CONTINUE or PIVOT"):
        remaining = int(re.findall(r"Remaining: (\d+)", judgement.text)[0])
        answer = judgement.text.partition("\nAnswer: ")[2].partition("\n")[0]
        trajectory = judgement.text.partition("Trajectory: ")[2].partition("\nAnswer: ")[0]
        if answer != "unknown":
            assert judgement.reply == "SUCCESS"
            assert re.search(rf"\b{answer}\b", trajectory)
        else:
            assert judgement.reply == "PIVOT" or (judgement.reply == "CONTINUE" and remaining > 0)


def test_every_reply_is_one_word_that_the_question_names() -> None:
    for judgement in JUDGEMENTS:
        assert re.search(rf"(?<!\w){re.escape(judgement.reply)}(?!\w)", judgement.text.rpartition("Reply ")[2])


def test_every_judge_is_heard_with_every_reply() -> None:
    seen = Counter((judgement.text.rpartition("Reply ")[2], judgement.reply) for judgement in JUDGEMENTS)
    assert len(seen) == 3 + 2 + 4 + 2 + 2 + 3
    assert min(seen.values()) > 15
