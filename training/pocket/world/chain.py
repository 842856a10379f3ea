"""Chains: 1 to 12 single-digit operations, left to right, modulo 10."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from operator import add, mul, sub
from typing import Literal

from .question import Question, Split, split_of

Operator = Literal["+", "-", "*"]
OPERATORS: tuple[Operator, ...] = ("+", "-", "*")
MAX_STEPS = 12

_APPLY: dict[Operator, Callable[[int, int], int]] = {"+": add, "-": sub, "*": mul}

INTROS = (
    "",
    "",
    "Compute the following.",
    "Here is a puzzle.",
    "Please work this out.",
    "Can you solve this?",
    "Solve this step by step.",
    "A quick question:",
)
STARTS = (
    "Start with {d}",
    "Begin with {d}",
    "Take the number {d}",
    "You have {d}",
    "Think of the digit {d}",
    "Let the first number be {d}",
)
VERBS: dict[Operator, tuple[str, ...]] = {
    "+": ("add {d}", "plus {d}", "increase it by {d}", "add {d} to it", "raise it by {d}"),
    "-": ("subtract {d}", "minus {d}", "decrease it by {d}", "take away {d}", "lower it by {d}"),
    "*": ("multiply by {d}", "times {d}", "multiply it by {d}", "multiply the result by {d}", "scale it by {d}"),
}
JOINERS = (", ", ", then ", "; ", "; then ", ". Then ", " and ", ", next ")
TASKS = (
    "What is the result modulo 10?",
    "Keep only the last digit after every step. What is the result?",
    "Work modulo 10. What do you get?",
    "Give the final value modulo 10.",
    "All arithmetic is modulo 10. Which digit remains?",
    "Find the value mod 10.",
    "What is the last digit (mod 10)?",
)
SYMBOLIC_SHARE = 0.1
SYMBOLIC = (
    "Go from left to right: {terms}.",
    "Evaluate {terms} strictly from left to right.",
    "Without operator precedence, left to right: {terms}.",
)
SYMBOLS: tuple[dict[str, str], ...] = ({}, {"*": "x"}, {"*": "times"}, {"+": "plus", "-": "minus", "*": "times"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with a digit from 0 to 9. Example: `Operation("*", 3)`."""

    operator: Operator
    digit: int

    def apply(self, value: int) -> int:
        """The exact integer before the last digit is kept: `Operation("-", 7).apply(3) == -4`."""
        return _APPLY[self.operator](value, self.digit)


@dataclass(frozen=True, slots=True)
class Chain:
    """A start digit and its operations, left to right. Example: start 7, +5, *3 has values (7, 2, 6)."""

    start: int
    operations: tuple[Operation, ...]

    @property
    def key(self) -> str:
        """The canonical form, equal for every paraphrase: `7+5*3`."""
        return str(self.start) + "".join(f"{o.operator}{o.digit}" for o in self.operations)

    @property
    def values(self) -> tuple[int, ...]:
        """The start and the last digit after each operation; one longer than `operations`."""
        values = [self.start]
        for operation in self.operations:
            values.append(operation.apply(values[-1]) % 10)
        return tuple(values)

    @property
    def answer(self) -> int:
        """The last digit after the last operation."""
        return self.values[-1]

    @property
    def split(self) -> Split:
        """The split that owns this chain."""
        return split_of(self.key)


@dataclass(frozen=True, slots=True)
class AskedChain:
    """A chain with its question, and how the text words each operation."""

    chain: Chain
    question: Question
    clauses: tuple[str, ...]


def draw_operations(rng: random.Random, steps: int) -> tuple[Operation, ...]:
    """`steps` operations, drawn evenly."""
    return tuple(Operation(rng.choice(OPERATORS), rng.randrange(10)) for _ in range(steps))


def draw_chain(rng: random.Random, split: Split, steps: int) -> Chain:
    """A chain of `steps` operations that belongs to the split."""
    while True:
        chain = Chain(rng.randrange(10), draw_operations(rng, steps))
        if chain.split == split:
            return chain


def ask_chain(rng: random.Random, chain: Chain) -> AskedChain:
    """The chain as an English question in a drawn wording."""
    terms, clauses = _symbols(rng, chain) if rng.random() < SYMBOLIC_SHARE else _clauses(rng, chain)
    text = " ".join(part for part in (rng.choice(INTROS), terms, rng.choice(TASKS)) if part)
    return AskedChain(chain, Question("chain", text, str(chain.answer), len(chain.operations)), clauses)


def word_operations(rng: random.Random, operations: tuple[Operation, ...]) -> tuple[str, ...]:
    """Each operation in words: `("add 5", "multiply by 3")`."""
    return tuple(rng.choice(VERBS[o.operator]).format(d=o.digit) for o in operations)


def _clauses(rng: random.Random, chain: Chain) -> tuple[str, tuple[str, ...]]:
    start = rng.choice(STARTS).format(d=chain.start)
    clauses = word_operations(rng, chain.operations)
    return rng.choice(JOINERS).join((start, *clauses)) + ".", clauses


def _symbols(rng: random.Random, chain: Chain) -> tuple[str, tuple[str, ...]]:
    sign = rng.choice(SYMBOLS)
    clauses = tuple(f"{sign.get(o.operator, o.operator)} {o.digit}" for o in chain.operations)
    return rng.choice(SYMBOLIC).format(terms=" ".join((str(chain.start), *clauses))), clauses
