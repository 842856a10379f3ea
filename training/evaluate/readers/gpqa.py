"""GPQA: Question, Correct Answer, Incorrect Answer 1 to 3."""

from __future__ import annotations

import random
from string import ascii_uppercase

from ..questions import Question
from .fields import Record, optional, text

_RIGHT, _WRONG = "Correct Answer", tuple(f"Incorrect Answer {number}" for number in (1, 2, 3))


def fits(record: Record) -> bool:
    """Whether all five fields are there."""
    return {"Question", _RIGHT, *_WRONG} <= record.keys()


def read(record: Record, number: int, seed: int) -> Question:
    """The question with its options, shuffled by seed and id: the same in every run, and no letter is favoured."""
    name = optional(record, "Record ID", "id") or f"gpqa-{number}"
    right = text(record, _RIGHT).strip()
    choices = [right, *(text(record, field).strip() for field in _WRONG)]
    random.Random(f"{seed}:{name}").shuffle(choices)
    options = "\n".join(f"({letter}) {choice}" for letter, choice in zip(ascii_uppercase, choices, strict=False))
    ask = "Put the letter of the right option within \\boxed{}."
    return Question(
        id=name,
        question=f"{text(record, 'Question').strip()}\n\n{options}\n\n{ask}",
        answer=ascii_uppercase[choices.index(right)],
        difficulty=optional(record, "High-level domain"),
        grader="choice",
        choices=choices,
    )
