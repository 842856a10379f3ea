"""What no limit of the kernel keeps sessions to: their memory together, and their stillness between cells."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection

from .session import Session

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0


class Watch:
    """Looks at every session once a second.

    When all sessions together take more than their memory, the largest are killed, whose cells end as `oom`. A session
    that works while no cell of its own runs is stopped until its next cell.
    """

    def __init__(self, sessions: Callable[[], Collection[Session]], memory_bytes: int) -> None:
        self.killed = 0
        """Sessions that were killed for the memory of all."""
        self.stilled = 0
        """How often a session was stopped."""
        self._sessions = sessions
        self._memory_bytes = memory_bytes

    async def keep(self) -> None:
        """Looks until it is cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            self.look()

    def look(self) -> None:
        """One look at all."""
        taken = {session: session.memory_bytes() for session in self._sessions()}
        total = sum(taken.values())
        for session in sorted(taken, key=taken.__getitem__, reverse=True):
            if total > self._memory_bytes:
                total -= taken[session]
                self.killed += 1
                logger.warning("a session of %d MiB was killed: all together take too much", taken[session] >> 20)
                session.kill()
            elif session.still():
                self.stilled += 1


def half_of_memory() -> int:
    """Half of this machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
