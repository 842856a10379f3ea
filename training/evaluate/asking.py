"""Sends requests, a bounded number at a time; failures are data."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from .ask import ask
from .rows import Row
from .settings import Job, Settings, body

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class Asker:
    """Puts the jobs of a run to a server."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings) -> None:
        self._client, self._settings = client, settings

    async def one(self, job: Job) -> Row:
        """The row of a job, without a verdict."""
        request = body(self._settings, job)
        reply = await ask(self._client, request, self._settings.timeout)
        return Row(
            question=job.question.id,
            arm=job.arm.name,
            sample=job.sample,
            seed=request["seed"],
            error=reply.error,
            seconds=reply.seconds,
            **reply.fields,
        )

    async def all(self, jobs: Sequence[Job], concurrency: int, on_row: Callable[[Row], None]) -> float:
        """Give `on_row` every job's row as it comes; the seconds that all took together."""

        async def work(job: Job) -> None:
            on_row(await self.one(job))

        started = time.perf_counter()
        await at_most(concurrency, work, jobs)
        return time.perf_counter() - started


async def at_most(count: int, work: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Do the work on every item, begun in their order, at most so many at a time."""
    remaining = iter(items)

    async def worker() -> None:
        for item in remaining:  # one iterator for all workers
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(worker())
