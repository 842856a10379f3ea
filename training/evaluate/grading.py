"""Verdicts on rows, by graders that stay open while a run goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Self

import msgspec

from .asking import at_most
from .graders import Grade, Grader, Grading, load_grader
from .questions import Question
from .rows import Row

logger = logging.getLogger(__name__)
DEFAULT = "math"


def grader_of(question: Question, chosen: str | None) -> str:
    """The run's grader where one was chosen, else the question's, else `math`."""
    return chosen or question.grader or DEFAULT


class Verdicts:
    """Grades rows. To be used as a context: it ends what the graders hold."""

    def __init__(self, questions: Sequence[Question], chosen: str | None) -> None:
        """Errors: ConfigError for a grader that is not known."""
        self._questions = {question.id: question for question in questions}
        self._specs = {question.id: grader_of(question, chosen) for question in questions}
        self._graders: Mapping[str, Grader] = {spec: load_grader(spec) for spec in sorted(set(self._specs.values()))}
        self._open: dict[str, Grading] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the graders. Errors: SandboxUnavailable where one needs a sandbox and none holds on this system."""
        try:
            for spec, grader in self._graders.items():
                self._open[spec] = await self._stack.enter_async_context(grader.open())
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def wanting(self, rows: Iterable[Row]) -> list[Row]:
        """Those that were answered, and that their grader has not graded."""
        return [
            row
            for row in rows
            if row.error is None and row.votes is None and (row.grader != self._specs[row.question] or row.ungraded)
        ]

    async def give(self, rows: Sequence[Row], on_row: Callable[[Row], None]) -> None:
        """Give `on_row` each row with its verdict."""
        by_spec: dict[str, list[Row]] = {}
        for row in rows:
            by_spec.setdefault(self._specs[row.question], []).append(row)
        async with asyncio.TaskGroup() as group:
            for spec, some in by_spec.items():
                group.create_task(self._give(spec, some, on_row))

    async def _give(self, spec: str, rows: Sequence[Row], on_row: Callable[[Row], None]) -> None:
        async def work(row: Row) -> None:
            grade = await _grade(self._open[spec], row, self._questions[row.question])
            on_row(
                msgspec.structs.replace(
                    row, grader=spec, correct=grade.correct, answer=grade.answer, why=grade.why, grading=grade.cost
                )
            )

        await at_most(self._graders[spec].at_once, work, rows)


async def _grade(grading: Grading, row: Row, question: Question) -> Grade:
    try:
        return await grading(row.content or "", question)
    except Exception as failure:  # a grader may be anyone's code: its defect leaves a row ungraded, and stops nothing
        logger.exception("grader failed")
        return Grade(correct=None, why=f"grader: {type(failure).__name__}: {failure}"[:500])
