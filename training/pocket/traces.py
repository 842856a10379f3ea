"""Assistant turns of the world chain-v0: thinking that errs, corrects itself, overthinks, is hinted and is cut."""

import random
from dataclasses import dataclass
from typing import Literal

from . import wording
from .chain import Asked, Chain, Operation

Mode = Literal["think", "direct", "soft"]
"""think: the default; direct: the prompt holds an empty think block; soft: the question ends with /no_think."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the model is taught to behave, in probabilities per example unless said otherwise."""

    direct: float = 0.10
    soft: float = 0.05
    skip_one_step: float = 0.30
    """Thinking examples of one step that open with an empty think block by themselves."""
    skip_longer: float = 0.02
    error_per_step: float = 0.016
    """Chance of the first wrong step at each step of the first attempt; about 10% of all attempts."""
    hinted: float = 0.12
    cut: float = 0.08
    cut_at_thought: float = 0.4
    """Share of the cuts that fall between two thoughts; the others fall at any token."""
    nonsense_hint: float = 0.15
    hint_again: float = 0.25
    """Chance that each hint is followed by another, once the model wants to end again."""
    verifications: tuple[float, ...] = (0.20, 0.35, 0.25, 0.13, 0.07)
    """Weights of 0, 1, 2, ... verifications after the first result."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text that is tokenised alone; learned or only read."""

    text: str
    learned: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """A value that the thinking has stated once its first `end` characters are written."""

    end: int
    value: int
    final: bool


class Scratchpad:
    """The text of one thinking block with what it has stated so far."""

    def __init__(self) -> None:
        self.text = ""
        self.statements: list[Statement] = []

    def write(self, text: str) -> None:
        """Appends text that states nothing."""
        self.text += text

    def state(self, text: str, value: int, final: bool) -> None:
        """Appends text whose last digit states a value; `final` when it states the result."""
        self.text += text
        end = len(self.text) - len(text) + text.rindex(str(value)) + 1
        self.statements.append(Statement(end, value, final))

    def known(self, end: int) -> int | None:
        """The last result stated in the first `end` characters, else the last partial value, else None."""
        said = [s for s in self.statements if s.end <= end]
        finals = [s for s in said if s.final]
        return (finals or said)[-1].value if said else None


@dataclass(frozen=True, slots=True)
class Thinking:
    """One thinking block before it is tokenised: the model's own part, then what it does after each injected hint."""

    pad: Scratchpad
    result: int
    """The result that stands when the thinking ends."""
    hinted: tuple[tuple[str, str], ...] = ()
    """Pairs of the injected text and the verification that follows it."""


def attempt(rng: random.Random, behaviour: Behaviour, chain: Chain, asked: Asked, pad: Scratchpad) -> int:
    """Writes the first attempt, which may hold one wrong step, and returns the result it states."""
    pad.state(rng.choice(wording.OPENINGS).format(d=chain.start), chain.start, False)
    line, value, erred = rng.choice(wording.LINES), chain.start, False
    for operation, clause in zip(chain.operations, asked.clauses, strict=True):
        slip = 0
        if not erred and rng.random() < behaviour.error_per_step:
            erred, slip = True, rng.choice((-1, 1))
        raw = operation.apply(value) + slip
        text = line.format(clause=clause, a=value, o=operation.operator, d=operation.digit, raw=raw, v=raw % 10)
        value = raw % 10
        pad.state("\n" + text, value, False)
    pad.state("\n" + rng.choice(wording.RESULTS).format(d=value), value, True)
    return value


def recheck(rng: random.Random, chain: Chain, before: int) -> str:
    """The chain in short form and the verdict over the result stated before."""
    check, values = rng.choice(wording.CHECKS), chain.values
    steps = [_check(check, values[i], o, values[i + 1]) for i, o in enumerate(chain.operations)]
    verdicts = wording.AGREEMENTS if before == chain.answer else wording.CORRECTIONS
    return ", ".join(steps) + ". " + rng.choice(verdicts).format(d=chain.answer, wrong=before)


def think(rng: random.Random, behaviour: Behaviour, chain: Chain, asked: Asked, hinted: bool) -> Thinking:
    """A thinking block: one attempt, then verifications; an attempt that erred is always found out."""
    pad = Scratchpad()
    result = attempt(rng, behaviour, chain, asked, pad)
    weights = behaviour.verifications
    count = rng.choices(range(len(weights)), weights)[0]
    if result != chain.answer and not hinted:
        count = max(count, 1)
    for _ in range(count):
        pad.write("\n\n" + rng.choice(wording.REFLECTIONS) + " ")
        pad.state(recheck(rng, chain, result), chain.answer, True)
        result = chain.answer
    rounds: list[tuple[str, str]] = []
    while hinted:
        hint, glue = _hint(rng, behaviour)
        rounds.append((hint, glue + recheck(rng, chain, result)))
        result = chain.answer
        hinted = rng.random() < behaviour.hint_again
    return Thinking(pad, result, tuple(rounds))


def answer(value: int) -> str:
    """The answer sentence and the end of the turn."""
    return wording.ANSWER.format(d=value) + "<|im_end|>"


def _check(pattern: str, before: int, operation: Operation, after: int) -> str:
    return pattern.format(a=before, o=operation.operator, d=operation.digit, v=after)


def _hint(rng: random.Random, behaviour: Behaviour) -> tuple[str, str]:
    """An injected hint with its line breaks, and the space with which the model goes on after it."""
    before, after = rng.choice((("\n\n", " "), ("\n\n", " "), ("\n", " "), ("\n\n", "\n\n"), ("\n\n", "\n")))
    hint = rng.choice(wording.HINTS)
    if rng.random() < behaviour.nonsense_hint:
        hint = " ".join(rng.choices(wording.FILLER_WORDS, k=rng.randint(3, 14))).capitalize() + "."
    return before + hint + after.strip(" "), after.strip("\n")
