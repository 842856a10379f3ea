"""The calls of one turn of the model, while the server runs them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable, Sequence

from ..tools.dispatch import Call, Dispatcher
from ..tools.result import Result, Status
from ..tools.tool import CallContext
from .server_tools import ServerTools

log = logging.getLogger(__name__)

_NEVER_CERTAIN = "This call was not made: it changes something, and a controller of this request may take it back."


class ToolTurn:
    """The server's calls of one turn; `mixed` when the client has calls to make, too.

    Calls that change nothing run from `start` on, those with side effects from `results` on, when nothing can take them
    back any more. `cancel` stops whatever runs.
    """

    def __init__(
        self, calls: Sequence[Call], server: ServerTools, dispatcher: Dispatcher, *, fenced: bool, mixed: bool
    ) -> None:
        self.calls, self.fenced, self.mixed = list(calls), fenced, mixed
        self._server, self._dispatcher = server, dispatcher
        self._context = CallContext("")
        self._results: dict[int, Result] = {}
        self.refused: frozenset[int] = frozenset()
        """The numbers of calls that are not made."""
        self._tasks: list[asyncio.Task[None]] = []

    def refuse(self, reason: str, first: int = 0) -> None:
        """Make none of the calls, or but the `first` ones, and say why."""
        self._refuse(range(first, len(self.calls)), reason)

    def _refuse(self, numbers: Iterable[int], reason: str) -> None:
        refused = {number: Result(Status.USER_ERROR, reason) for number in numbers}
        self._results = refused | self._results
        self.refused |= refused.keys()

    def start(self, context: CallContext) -> None:
        """Run what changes nothing."""
        self._context = context
        self._run([number for number, call in enumerate(self.calls) if not self._server.has_side_effects(call.name)])

    async def results(self, certain: bool) -> list[Result] | None:
        """A result for every call, in order; None when the context's deadline came first.

        Not `certain`: the calls may still be taken back, so those with side effects are refused.
        """
        left = self._context.deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return None
        waiting = [number for number, call in enumerate(self.calls) if self._server.has_side_effects(call.name)]
        if certain:
            self._run(waiting)
        else:
            self._refuse(waiting, _NEVER_CERTAIN)
        if not await _ended(self._tasks, None if left == math.inf else left):
            return None
        for task in self._tasks:
            task.result()
        return [self._results[number] for number in range(len(self.calls))]

    def _run(self, numbers: Sequence[int]) -> None:
        numbers = [number for number in numbers if number not in self._results]
        if numbers:
            self._tasks.append(asyncio.create_task(self._fill(numbers)))

    async def _fill(self, numbers: Sequence[int]) -> None:
        results = await self._dispatcher.run([self.calls[number] for number in numbers], self._context)
        self._results |= dict(zip(numbers, results, strict=True))

    async def cancel(self) -> None:
        """Stop what still runs, and wait for its end; not for ever, as a tool may not heed it."""
        for task in self._tasks:
            task.cancel()
        if not await _ended(self._tasks, self._server.grace):
            log.error("a tool runs on, although it was cancelled: one of %s", [call.name for call in self.calls])


async def _ended(tasks: Sequence[asyncio.Task[None]], seconds: float | None) -> bool:
    """Whether all tasks have ended after so many seconds at most; None: however long it takes."""
    return not tasks or not (await asyncio.wait(tasks, timeout=seconds))[1]
