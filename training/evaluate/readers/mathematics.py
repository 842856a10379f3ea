r"""MATH: problem, solution whose last \boxed{…} is the answer (or a field answer), level, type."""

from __future__ import annotations

from ....core.answers import extract_answer
from ....core.errors import ConfigError
from ..questions import Question
from .fields import Record, boxed, optional, text


def fits(record: Record) -> bool:
    """Whether there is a problem with a solution, or with an answer."""
    return "problem" in record and bool(record.keys() & {"solution", "answer"})


def read(record: Record, number: int, seed: int) -> Question:
    """The question; its difficulty is the level."""
    answer = optional(record, "answer") or extract_answer(text(record, "solution"))
    if answer is None:
        raise ConfigError(f"the solution has no \\boxed answer; its fields: {', '.join(record)}")
    level = optional(record, "level")
    return Question(
        id=optional(record, "id", "unique_id") or f"math-{number}",
        question=boxed(text(record, "problem")),
        answer=answer,
        difficulty=f"Level {level}" if level is not None and level.isdigit() else level,
        grader="math",
    )
