"""Keeps an engine alive: notices its death, refuses calls meanwhile, and starts it again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable

from ..core.engine import Abilities, Delta, Engine, EngineRequest
from ..core.errors import EngineDead, FlyballError, Unavailable

log = logging.getLogger(__name__)


class Supervisor:
    """An engine that is restarted when it dies. `make` builds a fresh one, `first` was built already.

    Calls that run when the engine dies fail with EngineDead; later ones with Unavailable until the restart is done. A
    restart that fails is tried again, after waits that double up to a minute.
    """

    def __init__(self, make: Callable[[], Engine], *, first_wait: float = 1.0) -> None:
        self._make, self._first_wait = make, first_wait
        self._engine = make()
        self._restart: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def abilities(self) -> Abilities:
        return self._engine.abilities

    @property
    def alive(self) -> bool:
        """Whether calls are served; noticing that they are not begins the restart."""
        if self._restart is not None:
            return False
        if not self._engine.alive:
            self._begin_restart()
            return False
        return True

    @property
    def engine(self) -> Engine:
        """The engine that serves now."""
        return self._engine

    async def start(self) -> None:
        await self._engine.start()

    async def close(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)
        await self._engine.close()

    async def running(self) -> int:
        return await self._engine.running()

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        """Pass a call on. Errors: Unavailable during a restart, and those of the engine."""
        if not self.alive:
            raise Unavailable("the engine is being restarted")
        stream = self._engine.generate(request)
        try:
            async for delta in stream:
                yield delta
        except EngineDead:
            self._begin_restart()
            raise
        finally:
            await stream.aclose()

    def _begin_restart(self) -> None:
        if self._restart is None:
            log.error("the engine has died; it is started again")
            self._restart = asyncio.create_task(self._start_again())

    async def _start_again(self) -> None:
        wait = self._first_wait
        while True:
            try:
                await self._replace()
            except FlyballError:
                log.exception("the engine did not start")
                await asyncio.sleep(wait)
                wait = min(60.0, 2 * wait)
            else:
                self.restarts += 1
                self._restart = None
                log.warning("the engine serves again")
                return

    async def _replace(self) -> None:
        """The dead engine answers for its abilities until the new one can."""
        await self._engine.close()
        fresh = self._make()
        try:
            await fresh.start()
        except FlyballError:
            await fresh.close()
            raise
        self._engine = fresh
