"""A time limit between the reads of a stream that costs one clock reading per read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watchdog:
    """Calls `close` once nothing was fed for `seconds`.

    One timer that looks at the time of the last read when it fires: `asyncio.timeout` around every read would set and
    cancel one timer per token.
    """

    def __init__(self, close: Callable[[], None], seconds: float) -> None:
        self._close = close
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._last = self._loop.time()
        self._timer = self._loop.call_later(seconds, self._check)
        self.expired = False

    def feed(self) -> None:
        self._last = self._loop.time()

    def limit(self, seconds: float) -> None:
        """A new limit, counted from now."""
        self._timer.cancel()
        self._seconds = seconds
        self.feed()
        self._timer = self._loop.call_later(seconds, self._check)

    def stop(self) -> None:
        self._timer.cancel()

    def _check(self) -> None:
        due = self._last + self._seconds
        if self._loop.time() >= due:
            self.expired = True
            self._close()
        else:
            self._timer = self._loop.call_at(due, self._check)
