"""Runs calls that programs send by themselves, such as the rollouts of an RL trainer."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from ..core.errors import AdmissionError, RequestError
from ..tools.dispatch import Call, Dispatcher
from ..tools.registry import Registry
from ..tools.result import Result, Status
from ..tools.sessions import Sessions, trajectory_key
from ..tools.tool import CallContext


class Batch:
    """Calls in the order in which they were sent; those of one session run in this order, all others at once."""

    def __init__(self) -> None:
        self.calls: list[tuple[Call, float]] = []
        self.sessions: dict[str, list[int]] = {}

    def add(self, call: Call, session: str | None, timeout: float = math.inf) -> None:
        """`session`: a key; None: a session of the call's own, which ends with it."""
        self.sessions.setdefault(session or trajectory_key(uuid.uuid4().hex), []).append(len(self.calls))
        self.calls.append((call, timeout))


class Executor:
    """At most `most` calls at once, of all batches; a batch that would make more than `queued` run or wait is refused."""

    def __init__(self, tools: Registry, sessions: Sessions, *, most: int, queued: int) -> None:
        self._tools, self._sessions = tools, sessions
        self._places = asyncio.Semaphore(most)
        self._queued = queued
        self.taken = 0
        """Calls that run or wait."""

    async def run(self, batch: Batch) -> list[Result]:
        """One result for each call, in their order. Errors: RequestError, AdmissionError, before anything runs."""
        results: list[Result | None] = [None] * len(batch.calls)
        async with self._admitted(len(batch.calls)), asyncio.TaskGroup() as group:
            for session, numbers in batch.sessions.items():
                group.create_task(self._run_session(session, numbers, batch, results))
        return [result for result in results if result is not None]

    @asynccontextmanager
    async def _admitted(self, calls: int) -> AsyncIterator[None]:
        if calls > self._queued:
            raise RequestError(f"{calls} calls were sent; this server takes {self._queued} at once", "calls")
        if self.taken + calls > self._queued:
            raise AdmissionError(f"{self.taken} calls of tools run or wait; try again later")
        self.taken += calls
        try:
            yield
        finally:
            self.taken -= calls

    async def _run_session(
        self, session: str, numbers: Sequence[int], batch: Batch, results: list[Result | None]
    ) -> None:
        try:
            async with self._state(session):
                for number in numbers:
                    results[number] = await self._run_call(session, *batch.calls[number])
        except AdmissionError as error:
            for number in numbers:
                results[number] = results[number] or Result(Status.INFRA, str(error))

    def _state(self, session: str) -> AbstractAsyncContextManager[str]:
        own = session.startswith(trajectory_key(""))
        return self._sessions.trajectory(session) if own else self._sessions.use(session)

    async def _run_call(self, session: str, call: Call, timeout: float) -> Result:
        async with self._places:
            context = CallContext(session, deadline=asyncio.get_running_loop().time() + timeout)
            # A dispatcher of its own: a program that repeats a call wants it run, and no note about it.
            (result,) = await Dispatcher(self._tools).run([call], context)
            return result
