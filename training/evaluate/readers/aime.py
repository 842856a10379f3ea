"""AIME: problem (or question), a whole number as answer, and its year (or an ID such as 2024-I-3)."""

from __future__ import annotations

from ..questions import Question
from .fields import Record, boxed, optional, text

_PROBLEM, _ANSWER, _YEAR, _ID = (
    ("problem", "Problem", "question", "Question"),
    ("answer", "Answer"),
    ("year", "Year"),
    ("id", "ID"),
)


def fits(record: Record) -> bool:
    """Whether all three are there, the answer a whole number from 0 to 999."""
    answer = optional(record, *_ANSWER) or ""
    dated = optional(record, *_YEAR) is not None or "ID" in record
    return optional(record, *_PROBLEM) is not None and dated and answer.isdigit() and len(answer) <= 3


def read(record: Record, number: int, seed: int) -> Question:
    """The question; its difficulty is the year. 073 is 73."""
    return Question(
        id=optional(record, *_ID) or f"aime-{number}",
        question=boxed(text(record, *_PROBLEM)),
        answer=text(record, *_ANSWER),
        difficulty=optional(record, *_YEAR),
        grader="numeric",
    )
