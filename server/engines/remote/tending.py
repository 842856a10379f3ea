"""Probes the servers that were put aside until they answer again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from ....core.errors import FlyballError
from .upstream import Upstream

logger = logging.getLogger(__name__)


class Tender:
    """One task for each server that is put aside. `learnt` is called when one answers again."""

    def __init__(self, learnt: Callable[[], None]) -> None:
        self._learnt = learnt
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def put_aside(self, upstream: Upstream) -> None:
        running = self._tasks.get(upstream.url)
        if running is None or running.done():
            self._tasks[upstream.url] = asyncio.create_task(self._until_it_answers(upstream))

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _until_it_answers(self, upstream: Upstream) -> None:
        while upstream.health.failing:
            await asyncio.sleep(upstream.health.probe_at - time.monotonic())
            try:
                await upstream.learn()
            except FlyballError as error:
                upstream.health.probe_failed()
                logger.debug("Remote engine %s still fails: %s", upstream.url, error)
            else:
                upstream.health.probe_answered()
                self._learnt()
                logger.info("Remote engine %s answers again.", upstream.url)
