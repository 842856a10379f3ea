"""Sends the requests of a run, a bounded number at a time, and grades what comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING

from .ask import Reply, ask
from .graders import Grader, grade, load_grader
from .questions import Question
from .rows import Row
from .settings import Job, Settings, body, jobs

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)


async def run(
    client: httpx.AsyncClient,
    settings: Settings,
    questions: Sequence[Question],
    on_row: Callable[[Row], None],
    done: Container[tuple[str, str, int]] = (),
) -> None:
    """Give `on_row` a row for every job that is not `done`, as it is graded.

    Errors: ConfigError for an unknown grader, before anything is sent; those of requests are in their rows.
    """
    wanted = {question.grader or settings.grader for question in questions}
    graders = {name: load_grader(name) for name in wanted}
    await _Run(client, settings, graders, on_row).all(job for job in jobs(settings, questions) if job.key not in done)


class _Run:
    def __init__(
        self,
        client: httpx.AsyncClient,
        settings: Settings,
        graders: dict[str, Grader],
        on_row: Callable[[Row], None],
    ) -> None:
        self._client, self._settings, self._graders, self._on_row = client, settings, graders, on_row
        self._grading = asyncio.Semaphore(1)  # a comparison has a time limit, which waiting for a core must not use up

    async def all(self, remaining: Iterator[Job]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.concurrency):
                group.create_task(self._work(remaining, group))

    async def _work(self, remaining: Iterator[Job], group: asyncio.TaskGroup) -> None:
        for job in remaining:  # one iterator for all workers: the order is kept
            reply = await ask(self._client, body(self._settings, job), self._settings.timeout)
            group.create_task(self._finish(job, reply))  # grading takes no place from the next request

    async def _finish(self, job: Job, reply: Reply) -> None:
        error, correct = reply.error, False
        if error is None:
            try:
                correct = await self._grade(job, reply.fields["content"])
            except Exception as failure:
                logger.exception("grader failed")
                error = f"grader: {type(failure).__name__}: {failure}"
        self._on_row(self._row(job, reply, error, correct))

    async def _grade(self, job: Job, content: str) -> bool:
        grader = self._graders[job.question.grader or self._settings.grader]
        async with self._grading:
            return await grade(grader, content, job.question.answer)

    def _row(self, job: Job, reply: Reply, error: str | None, correct: bool) -> Row:
        return Row(
            question=job.question.id,
            arm=job.arm.name,
            sample=job.sample,
            seed=body(self._settings, job)["seed"],
            correct=correct,
            error=error,
            seconds=reply.seconds,
            **reply.fields,
        )
