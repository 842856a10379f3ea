"""Time moved by hand, and calls that stay inside until they are let out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from flyball.tools.result import Result

from ..doubles import infra, ok


class Clock:
    """Time that passes when told to; a sleep takes no time to wait for, and is kept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def now() -> float:
    return asyncio.get_running_loop().time()


async def hang(_: object = None) -> Result:
    await asyncio.Event().wait()
    return ok()


def after(failures: int) -> Callable[[object], Result]:
    """Fails so many times, then works."""
    left = iter([infra()] * failures)
    return lambda _: next(left, ok())


class Gate:
    """A tool whose calls stay inside until they are let out."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.open = asyncio.Event()
        self.entered = asyncio.Semaphore(0)

    async def work(self) -> Result:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.release()
        await self.open.wait()
        self.inside -= 1
        return ok()
