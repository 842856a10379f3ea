"""The world chain-v0: chains of single-digit operations modulo 10, asked in paraphrased English and graded exactly."""

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from . import wording

Split = Literal["train", "validation", "test"]
Operator = Literal["+", "-", "*"]
OPERATORS: tuple[Operator, ...] = ("+", "-", "*")
MAX_STEPS = 12
SPLIT_PERCENT: dict[Split, range] = {"test": range(10), "validation": range(10, 15), "train": range(15, 100)}

_APPLY: dict[Operator, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}
_BOXED = re.compile(r"\\boxed\{\s*([^{}]*?)\s*\}")


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
        """The split that owns this chain, by a hash of its canonical form, so paraphrases never cross."""
        percent = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:8], "big") % 100
        return next(split for split, owned in SPLIT_PERCENT.items() if percent in owned)


@dataclass(frozen=True, slots=True)
class Question:
    """A question in English with its answer and its difficulty, the number of steps."""

    text: str
    answer: str
    steps: int

    @property
    def id(self) -> str:
        """A stable name made from the text."""
        return "chain-" + hashlib.sha256(self.text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Asked:
    """A chain in words. Example: `Asked("Start with 7, add 5. ...", ("add 5",))`."""

    text: str
    clauses: tuple[str, ...]
    """How the text words each operation."""


def draw_chain(rng: random.Random, split: Split, steps: int) -> Chain:
    """A chain of `steps` operations that belongs to the split."""
    while True:
        operations = tuple(Operation(rng.choice(OPERATORS), rng.randrange(10)) for _ in range(steps))
        chain = Chain(rng.randrange(10), operations)
        if chain.split == split:
            return chain


def ask(rng: random.Random, chain: Chain) -> Asked:
    """The chain as an English question, in a wording drawn from `wording`."""
    terms = _symbols(rng, chain) if rng.random() < wording.SYMBOLIC_SHARE else _clauses(rng, chain)
    parts = (rng.choice(wording.INTROS), terms.text, rng.choice(wording.TASKS))
    return Asked(" ".join(part for part in parts if part), terms.clauses)


def grade(text: str, answer: str) -> bool:
    r"""Whether the last `\boxed{...}` in the text equals the answer; False when there is none."""
    boxed = _BOXED.findall(text)
    return bool(boxed) and boxed[-1] == answer


def stream(split: Split, seed: int, steps: Sequence[int] | None = None) -> Iterator[tuple[Chain, Question]]:
    """An endless, reproducible stream of chains with their questions; `steps` are drawn evenly (default 1 to 12)."""
    rng = random.Random(f"chain-v0/{split}/{seed}")
    allowed = tuple(steps) if steps else tuple(range(1, MAX_STEPS + 1))
    if not all(1 <= count <= MAX_STEPS for count in allowed):
        raise ValueError(f"steps must lie between 1 and {MAX_STEPS}, got {list(allowed)}")
    while True:
        chain = draw_chain(rng, split, rng.choice(allowed))
        yield chain, Question(ask(rng, chain).text, str(chain.answer), len(chain.operations))


def questions(split: Split, n: int, seed: int, steps: Sequence[int] | None = None) -> list[Question]:
    """`n` questions of a split, no text twice. Example: `questions("test", 200, seed=0, steps=[1, 4])`."""
    found: dict[str, Question] = {}
    source = stream(split, seed, steps)
    while len(found) < n:
        question = next(source)[1]
        found.setdefault(question.text, question)
    return list(found.values())


def _clauses(rng: random.Random, chain: Chain) -> Asked:
    start = rng.choice(wording.STARTS).format(d=chain.start)
    clauses = tuple(rng.choice(wording.VERBS[o.operator]).format(d=o.digit) for o in chain.operations)
    return Asked(rng.choice(wording.JOINERS).join((start, *clauses)) + ".", clauses)


def _symbols(rng: random.Random, chain: Chain) -> Asked:
    sign = rng.choice(wording.SYMBOLS)
    clauses = tuple(f"{sign.get(o.operator, o.operator)} {o.digit}" for o in chain.operations)
    text = rng.choice(wording.SYMBOLIC).format(terms=" ".join((str(chain.start), *clauses)))
    return Asked(text, clauses)
