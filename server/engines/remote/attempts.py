"""The tries of one call before its first token: over the servers, then, after a wait, over them again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Generic, TypeVar

from ....core.errors import EngineError, UpstreamError
from .config import RemoteConfig
from .errors import may_go_elsewhere
from .routing import Candidate, choose

C = TypeVar("C", bound=Candidate)


class Attempts(Generic[C]):
    """Gives one server after another. A round ends when each has failed; a wait comes before the next.

    A full server (429) is not waited for: when a round has met one, its answer goes to the client, who knows from it
    when to come again.
    """

    def __init__(self, servers: Sequence[C], key: bytes, config: RemoteConfig) -> None:
        self._servers = servers
        self._key = key
        self._config = config
        self._tried: list[C] = []
        self._round = 0
        self._full: UpstreamError | None = None

    def first(self) -> C:
        server = self._next()
        assert server is not None
        return server

    async def after(self, error: EngineError) -> C:
        """The next server. Errors: the one given, or that of a full server, when there is nothing left to try."""
        if not may_go_elsewhere(error):
            raise error
        if isinstance(error, UpstreamError) and error.status == 429:
            self._full = error
        server = self._next()
        if server is not None:
            return server
        if self._full is not None or self._round == self._config.retries:
            raise self._full or error
        await asyncio.sleep(self._wait())
        self._round += 1
        self._tried.clear()
        return self.first()

    def _next(self) -> C | None:
        server = choose(self._servers, self._key, self._tried, self._config.imbalance)
        if server is not None:
            self._tried.append(server)
        return server

    def _wait(self) -> float:
        longest = min(self._config.backoff_s * 2.0**self._round, self._config.backoff_max_s)
        return random.uniform(0, longest)
