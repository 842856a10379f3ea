"""HumanEval: prompt (the head of a function), test (`check(candidate)`), entry_point."""

from __future__ import annotations

from ..questions import Code, Question
from .fields import Record, optional, text


def fits(record: Record) -> bool:
    """Whether all three are there."""
    return {"prompt", "test", "entry_point"} <= record.keys()


def read(record: Record, number: int, seed: int) -> Question:
    """The question."""
    prompt, entry_point = text(record, "prompt"), text(record, "entry_point")
    ask = (
        f"Complete this Python function. Answer with the whole function in one ```python block.\n\n```python\n{prompt}"
    )
    return Question(
        id=optional(record, "task_id") or f"humaneval-{number}",
        question=f"{ask.rstrip()}\n```",
        answer=optional(record, "canonical_solution") or "",
        grader="unit_tests",
        code=Code(entry_point=entry_point, tests=[_called(text(record, "test"), entry_point)], prelude=prompt),
    )


def _called(test: str, entry_point: str) -> str:
    """A test that only defines `check` is called, too."""
    return f"{test}\n\ncheck({entry_point})\n" if "def check(" in test else test
