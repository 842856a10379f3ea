"""Takes deltas from an engine call while verdicts may come in beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from ..core.engine import Delta
from .verdicts import Verdicts


class OutOfTime(Exception):
    """The deadline passed while the engine was decoding."""


async def _next(stream: AsyncGenerator[Delta]) -> Delta | None:
    return await anext(stream, None)


async def pull(
    stream: AsyncGenerator[Delta], verdicts: Verdicts, deadline: float | None, lost: Callable[[Delta], None]
) -> AsyncGenerator[Delta | None]:
    """The stream's deltas; None whenever a verdict is there.

    A verdict goes first when both are there. A delta that had arrived when the consumer stops goes to `lost`.
    `deadline` is on the event loop's clock; past it OutOfTime is raised.
    """
    arriving: asyncio.Task[Delta | None] | None = None
    try:
        while True:
            if not verdicts.tasks and arriving is None:
                delta = await _in_time(stream, deadline)
            else:
                arriving = arriving or asyncio.create_task(_next(stream))
                await _wait({arriving, *verdicts.tasks}, deadline)
                if any(task.done() for task in verdicts.tasks):
                    yield None
                    continue
                delta, arriving = arriving.result(), None
            if delta is None:
                return
            yield delta
    finally:
        if arriving is not None:
            arriving.cancel()
            (result,) = await asyncio.gather(arriving, return_exceptions=True)
            if isinstance(result, Delta):
                lost(result)
        await stream.aclose()


async def _in_time(stream: AsyncGenerator[Delta], deadline: float | None) -> Delta | None:
    if deadline is None:
        return await anext(stream, None)
    try:
        async with asyncio.timeout_at(deadline) as scope:
            return await anext(stream, None)
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise OutOfTime from error


async def _wait(tasks: set[asyncio.Task[object]], deadline: float | None) -> None:
    left = None if deadline is None else deadline - asyncio.get_running_loop().time()
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=left)
    if not done:
        raise OutOfTime
