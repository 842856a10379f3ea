"""Short questions of judges and raters about somebody's reasoning, each with the one word or digit to reply."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from ..world.big import ask_big, draw_big
from ..world.chain import ask_chain, draw_chain
from ..world.lookup import FreshEncyclopedia, ask_lookup
from ..world.question import UNKNOWN, Question, Split
from . import wording
from .behaviour import Behaviour
from .calls import SEARCH, draw_budget
from .lookups import passages
from .problems import ChainProblem

FALSE, UNSURE, TRUE = "1", "2", "3"
SKILLS = {"+": "addition", "-": "subtraction", "*": "multiplication"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge is asked, and the right reply."""

    text: str
    reply: str


@dataclass(frozen=True, slots=True)
class Work:
    """Somebody's steps towards the answer of a chain. `wrong` is the index of the step that is wrong, if one is."""

    problem: ChainProblem
    lines: tuple[str, ...]
    wrong: int | None
    finished: bool


SELF_EVALUATION = (
    "Here is a problem and several reasoning steps.\nProblem: {question}\nSteps: {steps}\n"
    "{aspect} Reply 1 for False, 2 for Unsure, 3 for True."
)
ASPECTS = {
    "modelling": "Do the steps solve this problem?",
    "calculation": "Is the calculation right?",
    "complexity": "Is the problem complex?",
    "alternatives": "Is there another way to solve it?",
    "close": "Are the steps close to the goal?",
    "complete": "Are the steps complete?",
}
"""RLoT's self-evaluation, one question an aspect."""
GRADING = "Problem: {question}\nSolution: {steps}\nIs the last step right? Reply + or -."
"""A process reward in AdaptMI's form."""
MISSING_SKILL = (
    "Problem: {question}\nSolution: {steps}\n"
    "Which skill is missing? Reply addition, subtraction, multiplication or none."
)
"""AdaptMI+'s label."""
DIFFICULTY = "Problem: {question}\nIs this problem easy or difficult? Reply easy or difficult."
NEEDS_TOOL = "Problem: {question}\nDoes this need a tool? Reply yes or no."
DECISION = "Question: {question}\nTrajectory: {steps}\nAnswer: {answer}\n{budget}\nReply SUCCESS, CONTINUE or PIVOT."
"""BATS's verifier: the answer stands in the passages; not yet, and there is budget; not here, or no budget."""


def draw_judgement(rng: random.Random, behaviour: Behaviour, split: Split) -> Judgement:
    """A question to a judge, with its reply."""
    makers: list[Callable[[random.Random, Behaviour, Split], Judgement]] = [
        _self_evaluation,
        _grading,
        _rating,
        _decision,
    ]
    return rng.choices(makers, (0.45, 0.25, 0.12, 0.18))[0](rng, behaviour, split)


def draw_work(rng: random.Random, split: Split) -> Work:
    """The first steps of a chain, a third of them with one wrong step."""
    problem = ChainProblem.of(ask_chain(rng, draw_chain(rng, split, rng.randint(1, 8))))
    line, value = rng.choice(wording.LINES), problem.chain.start
    count = len(problem.clauses)
    finished = rng.random() < 0.4
    shown = count if finished else rng.randint(1, count)
    wrong = rng.randrange(shown) if rng.random() < 0.4 else None
    lines = [rng.choice(wording.OPENINGS).format(d=value)]
    for index, (operation, clause) in enumerate(zip(problem.chain.operations[:shown], problem.clauses, strict=False)):
        raw = operation.apply(value) + (rng.choice((-2, -1, 1, 2)) if index == wrong else 0)
        lines.append(line.format(clause=clause, a=value, o=operation.operator, d=operation.digit, raw=raw, v=raw % 10))
        value = raw % 10
    if finished:
        lines.append(rng.choice(wording.RESULTS).format(d=value))
    return Work(problem, tuple(lines), wrong, finished)


def _self_evaluation(rng: random.Random, behaviour: Behaviour, split: Split) -> Judgement:
    aspect = rng.choice(list(ASPECTS))
    work = draw_work(rng, split)
    question = work.problem.question
    if foreign := aspect == "modelling" and rng.random() < 0.5:
        question = ask_chain(rng, draw_chain(rng, split, rng.randint(1, 8))).question
    if aspect == "alternatives" and rng.random() < 0.4:
        question = _lookup(rng)
    text = SELF_EVALUATION.format(question=question.text, steps="\n".join(work.lines), aspect=ASPECTS[aspect])
    done = (len(work.lines) - 1 - work.finished) / len(work.problem.clauses)
    replies = {
        "modelling": FALSE if foreign else TRUE,
        "calculation": TRUE if work.wrong is None else FALSE,
        "complexity": _level(question.difficulty, 3, 6),
        "alternatives": TRUE if question.kind == "chain" else FALSE,
        "close": _level(done, 0.34, 0.67),
        "complete": TRUE if work.finished else FALSE,
    }
    return Judgement(text, replies[aspect])


def _level(value: float, unsure: float, true: float) -> str:
    return TRUE if value >= true else UNSURE if value >= unsure else FALSE


def _grading(rng: random.Random, behaviour: Behaviour, split: Split) -> Judgement:
    work = draw_work(rng, split)
    question = work.problem.question.text
    if rng.random() < 0.5:
        shown = work.lines[: len(work.lines) - work.finished]
        right = work.wrong != len(shown) - 2
        return Judgement(GRADING.format(question=question, steps="\n".join(shown)), "+" if right else "-")
    skill = "none" if work.wrong is None else SKILLS[work.problem.chain.operations[work.wrong].operator]
    return Judgement(MISSING_SKILL.format(question=question, steps="\n".join(work.lines)), skill)


def _rating(rng: random.Random, behaviour: Behaviour, split: Split) -> Judgement:
    kind = rng.choice(("chain", "chain", "big", "lookup"))
    if kind == "chain":
        question = ask_chain(rng, draw_chain(rng, split, rng.randint(1, 12))).question
    else:
        question = ask_big(rng, draw_big(rng, split, rng.randint(3, 6))).question if kind == "big" else _lookup(rng)
    if rng.random() < 0.5:
        easy = question.kind == "chain" and question.difficulty <= 2
        return Judgement(DIFFICULTY.format(question=question.text), "easy" if easy else "difficult")
    return Judgement(NEEDS_TOOL.format(question=question.text), "no" if question.kind == "chain" else "yes")


def _lookup(rng: random.Random) -> Question:
    return ask_lookup(rng, FreshEncyclopedia(rng), rng.choice(("one_hop", "two_hop"))).question


def _decision(rng: random.Random, behaviour: Behaviour, split: Split) -> Judgement:
    asked = ask_lookup(rng, FreshEncyclopedia(rng), "one_hop")
    fact = asked.facts[0]
    found, remaining = rng.random() < 0.6, rng.choice((0, 1, 2, 4, 8))
    answered = found and rng.random() < 0.6
    steps = passages(rng, fact, found)
    budget = draw_budget(rng, SEARCH, remaining).block()
    text = DECISION.format(
        question=asked.question.text, steps=steps, answer=fact.value if answered else UNKNOWN, budget=budget
    )
    reply = "SUCCESS" if answered else "CONTINUE" if found and remaining else "PIVOT"
    return Judgement(text, reply)
