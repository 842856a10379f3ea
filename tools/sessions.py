"""Sessions: under which key a tool's state lives, and when it is freed."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ..core.errors import AdmissionError, RequestError

logger = logging.getLogger(__name__)

_LONGEST_ID = 256


def trajectory_key(id: str) -> str:
    """The key of a trajectory's own state; `id` is one that we made, and nobody else can guess."""
    return f"trajectory.{id}"


class ClientKeys:
    """Keys of clients' sessions: one session id under two API keys is two sessions, and no key tells either of them.

    The secret is drawn once per process, as sessions live no longer. Clients without an API key share one namespace.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or os.urandom(32)

    def key(self, api_key: str | None, session: str) -> str:
        """The key of a client's session. Errors: RequestError for an id that is empty or longer than 256 characters."""
        if not 0 < len(session) <= _LONGEST_ID:
            raise RequestError(f"a session id has 1 to {_LONGEST_ID} characters", "session")
        owner = self._digest("" if api_key is None else f"key:{api_key}")
        return f"client.{self._digest(owner + session)}"

    def _digest(self, text: str) -> str:
        return hmac.digest(self._secret, text.encode(errors="surrogatepass"), "sha256").hex()[:32]


@dataclass(slots=True)
class _Session:
    used_at: float
    users: int = 0


class Sessions:
    """Which sessions live; ends them, through `end`, when they are finished, idle for too long, too many or too large.

    `end` is what frees a session's state everywhere, as `Registry.end_session`. `memory` says how many bytes sessions
    hold now; above `most_bytes` together, those used longest ago end at the next sweep. A session in use is never
    evicted; one that is being ended can be used anew once it has ended.
    """

    def __init__(
        self,
        end: Callable[[str], Awaitable[None]],
        *,
        idle_seconds: float = 600.0,
        most: int = 1000,
        memory: Callable[[], Mapping[str, int]] = dict,
        most_bytes: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._end = end
        self._idle, self._most, self._clock = idle_seconds, most, clock
        self._memory, self._most_bytes = memory, most_bytes
        self._live: OrderedDict[str, _Session] = OrderedDict()
        self._ending: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: str) -> bool:
        return key in self._live

    @asynccontextmanager
    async def use(self, key: str) -> AsyncIterator[str]:
        """The session lives at least while this context is open; it begins with its first use.

        Errors: AdmissionError when as many others are in use as there may be sessions.
        """
        while key in self._ending:
            await asyncio.shield(self._ending[key])
        session = self._begun(key)
        session.users += 1
        try:
            yield key
        finally:
            session.users -= 1
            session.used_at = self._clock()
            if key in self._live:
                self._live.move_to_end(key)

    @asynccontextmanager
    async def trajectory(self, key: str) -> AsyncIterator[str]:
        """A session that ends with this context: however the trajectory ends, also by failing or being cancelled."""
        try:
            async with self.use(key):
                yield key
        finally:
            await self.end(key)

    def _begun(self, key: str) -> _Session:
        if key not in self._live:
            if len(self._live) >= self._most:
                self._evict_one()
            self._live[key] = _Session(self._clock())
        return self._live[key]

    def _evict_one(self) -> None:
        oldest = next((key for key, session in self._live.items() if not session.users), None)
        if oldest is None:
            raise AdmissionError(f"all {self._most} tool sessions are in use")
        self._start_ending(oldest)

    async def end(self, key: str) -> bool:
        """Frees a session's state; whether there was one. Goes on by itself when whoever waits is cancelled."""
        known = key in self._live or key in self._ending
        if known:
            await asyncio.shield(self._start_ending(key))
        return known

    def _start_ending(self, key: str) -> asyncio.Task[None]:
        self._live.pop(key, None)
        if key not in self._ending:
            self._ending[key] = asyncio.create_task(self._ended(key))
        return self._ending[key]

    async def _ended(self, key: str) -> None:
        try:
            await self._end(key)
        except Exception:  # tools are others' code, which may raise anything; the session is gone for us anyway
            logger.exception("a session's state could not be freed")
        finally:
            del self._ending[key]

    async def sweep(self) -> int:
        """Ends every session that nobody used for `idle_seconds`, then as many as memory asks for; how many in all."""
        doomed = {*self._idle_ones(), *self._to_make_room()}
        await asyncio.gather(*(self.end(key) for key in doomed))
        return len(doomed)

    def _idle_ones(self) -> Iterator[str]:
        latest = self._clock() - self._idle
        return (key for key, session in self._live.items() if not session.users and session.used_at <= latest)

    def _to_make_room(self) -> Iterator[str]:
        if self._most_bytes == math.inf:
            return
        held = self._memory()
        excess = sum(held.values()) - self._most_bytes
        for key, session in self._live.items():  # the one used longest ago comes first
            if excess > 0 and not session.users and held.get(key):
                yield key
                excess -= held[key]

    async def keep_swept(self, every: float = 5.0, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Sweeps for ever, every so many seconds: a task of the server."""
        while True:
            await sleep(every)
            await self.sweep()

    async def close(self) -> None:
        """Ends every session, also those in use."""
        await asyncio.gather(*(self.end(key) for key in [*self._live, *self._ending]))
