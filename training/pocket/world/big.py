"""Big arithmetic: products and sums of numbers of 3 to 6 digits, which a program computes exactly, a mind does not."""

import random
from dataclasses import dataclass
from typing import Literal

from .question import Question, Split, split_of

Form = Literal["product", "sum", "product_sum"]
"""a * b; a + b + c (+ d); a * b + c."""
FORMS: tuple[Form, ...] = ("product", "sum", "product_sum")
WEIGHTS = (0.5, 0.3, 0.2)
MIN_DIGITS, MAX_DIGITS = 3, 6

INTROS = ("", "", "Compute exactly.", "Here is some arithmetic.", "Please calculate.", "I need an exact number.")
ASKS: dict[Form, tuple[str, ...]] = {
    "product": (
        "What is {0} * {1}?",
        "What is {0} times {1}?",
        "Multiply {0} by {1}.",
        "Find the product of {0} and {1}.",
        "Calculate {0} x {1}.",
        "{0} boxes hold {1} nails each. How many nails are there?",
    ),
    "sum": (
        "What is {terms}?",
        "Add these numbers: {listed}.",
        "Find the sum of {listed}.",
        "Calculate {terms}.",
        "What do {listed} make together?",
    ),
    "product_sum": (
        "What is {0} * {1} + {2}?",
        "Multiply {0} by {1}, then add {2}.",
        "Calculate the product of {0} and {1}, plus {2}.",
        "{0} boxes hold {1} nails each, and {2} nails lie beside. How many nails are there?",
    ),
}


@dataclass(frozen=True, slots=True)
class Big:
    """An expression over long numbers. Example: `Big("product_sum", (4821, 397, 55210)).answer == 1969147`."""

    form: Form
    numbers: tuple[int, ...]

    @property
    def expression(self) -> str:
        """The expression as Python and people write it: `4821 * 397 + 55210`; the canonical form."""
        match self.form:
            case "sum":
                return " + ".join(map(str, self.numbers))
            case "product":
                return f"{self.numbers[0]} * {self.numbers[1]}"
            case "product_sum":
                return f"{self.numbers[0]} * {self.numbers[1]} + {self.numbers[2]}"

    @property
    def answer(self) -> int:
        """The exact value."""
        if self.form == "sum":
            return sum(self.numbers)
        return self.numbers[0] * self.numbers[1] + sum(self.numbers[2:])

    @property
    def split(self) -> Split:
        """The split that owns this expression."""
        return split_of(self.expression)


@dataclass(frozen=True, slots=True)
class AskedBig:
    """An expression with its question."""

    big: Big
    question: Question


def draw_big(rng: random.Random, split: Split, digits: int) -> Big:
    """An expression of the split whose longest number has `digits` digits."""
    while True:
        form = rng.choices(FORMS, WEIGHTS)[0]
        count = {"product": 2, "product_sum": 3, "sum": rng.choice((3, 4))}[form]
        lengths = [digits] + [rng.randint(MIN_DIGITS, digits) for _ in range(count - 1)]
        rng.shuffle(lengths)
        big = Big(form, tuple(rng.randrange(10 ** (n - 1), 10**n) for n in lengths))
        if big.split == split:
            return big


def ask_big(rng: random.Random, big: Big) -> AskedBig:
    """The expression as an English question in a drawn wording."""
    words = [str(number) for number in big.numbers]
    listed = ", ".join(words[:-1]) + f" and {words[-1]}"
    text = rng.choice(ASKS[big.form]).format(*words, terms=" + ".join(words), listed=listed)
    text = f"{rng.choice(INTROS)} {text}".strip()
    return AskedBig(big, Question("big", text, str(big.answer), max(len(word) for word in words)))
