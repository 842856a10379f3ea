"""How each kind of question is thought through without documents: attempts, checks, and a program that computes it."""

import random
from typing import Protocol

from ..world.big import AskedBig
from ..world.chain import AskedChain, Chain
from ..world.question import UNKNOWN, Question
from . import wording
from .behaviour import Behaviour, is_confusing
from .scratch import Scratch


class Problem(Protocol):
    """A question as the reasoner sees it."""

    @property
    def question(self) -> Question:
        """What is asked."""

    @property
    def answer(self) -> str:
        """What the model is taught to answer in the end."""

    @property
    def code(self) -> str | None:
        """A program that prints the answer; None where a program is of no use."""

    def attempt(self, rng: random.Random, behaviour: Behaviour, scratch: Scratch) -> str:
        """Writes the first attempt and returns the result that it states."""

    def check(self, rng: random.Random, before: str, full: bool) -> tuple[str, str]:
        """A verification over the result stated before, and the result that stands after it."""


class ChainProblem:
    """Digits modulo 10: one line a step, and a short form to check."""

    def __init__(self, chain: Chain, clauses: tuple[str, ...], question: Question) -> None:
        self.chain, self.clauses, self.question = chain, clauses, question
        self.answer = str(chain.answer)

    @classmethod
    def of(cls, asked: AskedChain) -> "ChainProblem":
        """The problem that a question about a chain poses."""
        return cls(asked.chain, asked.clauses, asked.question)

    @property
    def code(self) -> str | None:
        """One line a step; or one expression for a single step."""
        first, *rest = self.chain.operations
        if not rest:
            return f"print(({self.chain.start} {first.operator} {first.digit}) % 10)"
        lines = [f"x = (x {o.operator} {o.digit}) % 10" for o in self.chain.operations]
        return "\n".join((f"x = {self.chain.start}", *lines, "print(x)"))

    def attempt(self, rng: random.Random, behaviour: Behaviour, scratch: Scratch) -> str:
        """One line a step, at most one of them wrong."""
        value = self.chain.start
        scratch.state(rng.choice(wording.OPENINGS).format(d=value), str(value), final=False)
        line, erred = rng.choice(wording.LINES), False
        for operation, clause in zip(self.chain.operations, self.clauses, strict=True):
            confusing = is_confusing(value, operation.operator, operation.digit)
            erring = not erred and rng.random() < (behaviour.lapse if confusing else behaviour.slip)
            raw = operation.apply(value) + (1 if erring else 0)
            erred = erred or erring
            text = line.format(clause=clause, a=value, o=operation.operator, d=operation.digit, raw=raw, v=raw % 10)
            value = raw % 10
            scratch.state("\n" + text, str(value), final=False)
        scratch.state("\n" + rng.choice(wording.RESULTS).format(d=value), str(value))
        return str(value)

    def check(self, rng: random.Random, before: str, full: bool) -> tuple[str, str]:
        """The chain in short form, or only a look back."""
        if not full:
            return rng.choice(wording.BRIEF).format(d=before), before
        pattern, values = rng.choice(wording.CHECKS), self.chain.values
        operations = enumerate(self.chain.operations)
        steps = [pattern.format(a=values[i], o=o.operator, d=o.digit, v=values[i + 1]) for i, o in operations]
        verdicts = wording.AGREEMENTS if before == self.answer else wording.CORRECTIONS
        return ", ".join(steps) + ". " + rng.choice(verdicts).format(d=self.answer, wrong=before), self.answer


class BigProblem:
    """Long numbers: by hand with partial products, which a small model gets wrong; a program gets it right."""

    def __init__(self, asked: AskedBig) -> None:
        self.big, self.question, self.answer = asked.big, asked.question, asked.question.answer

    @property
    def code(self) -> str | None:
        """One expression."""
        return f"print({self.big.expression})"

    def attempt(self, rng: random.Random, behaviour: Behaviour, scratch: Scratch) -> str:
        """Partial products and their sum, or a sum at once; the result is often wrong, and no check finds it."""
        scratch.say(rng.choice(wording.BY_HAND))
        if self.big.form != "sum":
            first, second = self.big.numbers[:2]
            for place, digit in reversed(list(enumerate(reversed(str(second))))):
                scratch.say(f"\n{first} * {digit} = {first * int(digit)}, with {place} zeros.")
            if self.big.form == "product_sum":
                scratch.say(f"\nThat makes {first * second}, plus {self.big.numbers[2]}.")
        else:
            scratch.say(f"\n{self.big.expression}.")
        value = misremember(rng, self.answer) if rng.random() < behaviour.wrong_by_hand else self.answer
        scratch.state("\n" + rng.choice(wording.RESULTS).format(d=value), value)
        return value

    def check(self, rng: random.Random, before: str, full: bool) -> tuple[str, str]:
        """The expression with its value, or only a look back; either says what was said before."""
        if not full:
            return rng.choice(wording.BRIEF).format(d=before), before
        return f"{self.big.expression} = {before}. " + rng.choice(wording.AGREEMENTS).format(d=before), before


class BlindProblem:
    """A question about documents, without a way to search them."""

    answer = UNKNOWN
    code = None

    def __init__(self, question: Question) -> None:
        self.question = question

    def attempt(self, rng: random.Random, behaviour: Behaviour, scratch: Scratch) -> str:
        """Says that it cannot be known."""
        scratch.state(rng.choice(wording.BLIND).format(d=UNKNOWN), UNKNOWN)
        return UNKNOWN

    def check(self, rng: random.Random, before: str, full: bool) -> tuple[str, str]:
        """Still unknown."""
        return rng.choice(wording.STILL_BLIND).format(d=UNKNOWN), UNKNOWN


def misremember(rng: random.Random, number: str) -> str:
    """The number with one to three digits wrong, the first one not zero."""
    digits = list(number)
    for place in rng.sample(range(len(digits)), min(rng.randint(1, 3), len(digits))):
        digits[place] = rng.choice([d for d in "123456789" if d != digits[place]])
    return "".join(digits)
