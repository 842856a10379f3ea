"""GSM8K: question, and an answer with its reasoning that ends in "#### 72"."""

from __future__ import annotations

from ....core.errors import ConfigError
from ..questions import Question
from .fields import Record, boxed, optional, text

_MARK = "####"


def fits(record: Record) -> bool:
    """Whether the answer has the mark."""
    return optional(record, "question") is not None and _MARK in (optional(record, "answer") or "")


def read(record: Record, number: int, seed: int) -> Question:
    """The question; graded as a number."""
    _, mark, answer = text(record, "answer").rpartition(_MARK)
    if not mark or not answer.strip():
        raise ConfigError(f'the answer does not end in "{_MARK} …"; its fields: {", ".join(record)}')
    return Question(
        id=optional(record, "id") or f"gsm8k-{number}",
        question=boxed(text(record, "question")),
        answer=answer.strip(),
        grader="numeric",
    )
