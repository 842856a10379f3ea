"""Runs functions that block in threads of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, NamedTuple

from ..core.errors import Unavailable


class _Outcome(NamedTuple):
    value: Any
    error: BaseException | None


class Threads:
    """At most `most` threads at a time, one per call, that never keep the process from ending.

    A thread cannot be stopped: when its call is given up it runs on, and counts until it ends. That is why these are
    not asyncio's own: functions that hang would use those up for everybody, and the process would wait for them.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self.running = 0

    async def run(self, function: Callable[[], Any]) -> Any:
        """What the function gives or raises. Errors: Unavailable when too many earlier calls still run."""
        if self.running >= self._most:
            raise Unavailable(f"{self.running} calls that were given up are still running")
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[_Outcome] = loop.create_future()
        context = copy_context()

        def settle(outcome: _Outcome) -> None:
            self.running -= 1
            if not ended.done():
                ended.set_result(outcome)

        def work() -> None:
            outcome = context.run(_attempt, function)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, outcome)

        self.running += 1
        threading.Thread(target=work, name="flyball-tool", daemon=True).start()
        outcome = await ended
        if outcome.error is not None:
            raise outcome.error
        return outcome.value


def _attempt(function: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(function(), None)
    except BaseException as error:  # noqa: BLE001  carried to whoever awaits it
        return _Outcome(None, error)
