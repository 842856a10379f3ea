"""Admission: how many trajectories run, how many requests wait, and when one is refused."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..core.errors import AdmissionError, RequestError, Unavailable


class Admission:
    """Counts trajectories. Requests wait in the order of their arrival; a request for several waits for all at once.

    `running` are trajectories, `waiting` requests. Errors: AdmissionError when the queue is full, Unavailable while the
    server drains, RequestError for more trajectories than one request may start.
    """

    def __init__(self, max_running: int, max_queue: int, max_fan_out: int) -> None:
        self._max_running, self._max_queue, self._max_fan_out = max_running, max_queue, max_fan_out
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.running = 0
        self.refused = 0
        self.draining = False

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def check(self, fan_out: int, param: str) -> None:
        """Refuse at once what can never be served."""
        limit = min(self._max_fan_out, self._max_running)
        if fan_out > limit:
            raise RequestError(f"{fan_out} trajectories were asked for; this server allows {limit} per request", param)

    @asynccontextmanager
    async def slots(self, count: int) -> AsyncIterator[None]:
        """Hold `count` trajectories' places."""
        if self.draining:
            raise Unavailable("the server is about to stop")
        if self._queue or self.running + count > self._max_running:
            await self._wait(count)
        else:
            self.running += count
        try:
            yield
        finally:
            self.running -= count
            self._admit()

    async def _wait(self, count: int) -> None:
        if len(self._queue) >= self._max_queue:
            self.refused += 1
            raise AdmissionError(
                f"{self.running} trajectories run and {len(self._queue)} requests wait; try again later"
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (count, place)
        self._queue.append(entry)
        try:
            await place
        except asyncio.CancelledError:
            if entry in self._queue:
                self._queue.remove(entry)
                self._admit()
            elif not place.cancelled():
                self.running -= count
                self._admit()
            raise

    def _admit(self) -> None:
        while self._queue and self.running + self._queue[0][0] <= self._max_running:
            count, place = self._queue.popleft()
            if not place.cancelled():
                self.running += count
                place.set_result(None)
