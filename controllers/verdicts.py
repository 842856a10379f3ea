"""Verdicts that are still open: work that a controller started and that goes on while the model decodes."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from ..core.errors import FlyballError
from .boundary import Boundary
from .controller import Pending


class Verdict(NamedTuple):
    """One open verdict of one controller."""

    controller: int
    boundary: Boundary
    task: asyncio.Task[Any]
    holds: bool


class Failed(NamedTuple):
    """Why a verdict is None."""

    reason: str


async def waited(pending: Pending) -> Any:
    """The result; `Failed` past the deadline or when what it needs is broken: a verifier never harms the request."""
    try:
        async with asyncio.timeout(pending.seconds):
            return await pending.wait()
    except TimeoutError:
        return Failed(f"no verdict within {pending.seconds:g} s")
    except FlyballError as error:
        return Failed(f"no verdict: {error}")


class Verdicts:
    """The open verdicts of one trajectory. A controller gets its own in the order in which it opened them."""

    def __init__(self) -> None:
        self._open: list[Verdict] = []
        self._given_up: list[asyncio.Task[Any]] = []

    def __bool__(self) -> bool:
        """Whether a verdict is open that something waits for."""
        return any(verdict.holds for verdict in self._open)

    def open(self, controller: int, boundary: Boundary, pending: Pending) -> None:
        """Start waiting."""
        self._open.append(Verdict(controller, boundary, asyncio.create_task(waited(pending)), pending.holds))

    @property
    def tasks(self) -> list[asyncio.Task[Any]]:
        """What may be heard next: the first open verdict of each controller."""
        return [verdict.task for verdict in self._heads()]

    def _heads(self) -> list[Verdict]:
        heads: dict[int, Verdict] = {}
        for verdict in self._open:
            heads.setdefault(verdict.controller, verdict)
        return list(heads.values())

    def earliest(self, default: int, controller: int | None = None) -> int:
        """Tokens from here on can still be reached, by any controller or by this one."""
        of = [item for item in self._open if item.holds and controller in (None, item.controller)]
        return min([default, *(verdict.boundary.position for verdict in of)])

    def take_ready(self) -> list[Verdict]:
        """Verdicts that are there, the earliest position first; they are no longer open."""
        ready = [verdict for verdict in self._heads() if verdict.task.done()]
        for verdict in ready:
            self._open.remove(verdict)
        return sorted(ready, key=lambda verdict: verdict.boundary.position)

    def void_after(self, position: int) -> None:
        """Give up verdicts that were opened at later positions: what they judge is gone."""
        for verdict in [verdict for verdict in self._open if verdict.boundary.position > position]:
            self._open.remove(verdict)
            self._give_up(verdict)

    def _give_up(self, verdict: Verdict) -> None:
        verdict.task.cancel()
        self._given_up.append(verdict.task)

    async def cancel(self) -> None:
        """Give up all, and wait until their work has ended, and that of those given up before."""
        while self._open:
            self._give_up(self._open.pop())
        await asyncio.gather(*self._given_up, return_exceptions=True)
