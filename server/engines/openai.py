"""The `openai` engine: remote vLLM or SGLang servers behind OpenAI's `/v1/completions`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import aiohttp

from ...core.engine import Abilities, Delta, EngineRequest
from ...core.errors import ConfigError, EngineDead, EngineError, FlyballError
from .remote.attempts import Attempts
from .remote.body import Decode
from .remote.config import RemoteConfig
from .remote.deltas import Encode
from .remote.http import open_session
from .remote.merged import merged_abilities
from .remote.routing import affinity_key
from .remote.tending import Tender
from .remote.upstream import Upstream

__all__ = ["OpenAIEngine", "RemoteConfig"]


class OpenAIEngine:
    """Token ids to and from one or more servers of the same model; text where a server knows no ids.

    Before the first token a call moves on to another server, and comes back after a wait; after it, never.
    `encode` and `decode` are the served model's tokeniser, markers recognised and nothing added.
    """

    def __init__(self, config: RemoteConfig, encode: Encode, decode: Decode) -> None:
        config.key()  # a missing key is found here, before anything listens
        self._config = config
        self._encode = encode
        self._decode = decode
        self._session: aiohttp.ClientSession | None = None
        self._upstreams: Sequence[Upstream] = ()
        self._tender = Tender(self._merge)
        self._abilities: Abilities | None = None
        self._running = 0

    @property
    def abilities(self) -> Abilities:
        """What all servers reached so far can do. Errors: RuntimeError before `start`."""
        if self._abilities is None:
            raise RuntimeError("the engine was not started")
        return self._abilities

    @property
    def alive(self) -> bool:
        """Whether at least one server is not failing."""
        return any(not upstream.health.failing for upstream in self._upstreams)

    async def start(self) -> None:
        """Reaches every server and probes it; those that fail are put aside, as long as one answers.

        Errors: UpstreamUnreachable or UpstreamError when none does, ConfigError when the configuration does not fit.
        """
        self._session = open_session(self._config)
        self._upstreams = [self._upstream(url, self._session) for url in self._config.urls]
        try:
            await self._learn_all()
            self._merge()
        except FlyballError:
            await self.close()
            raise

    async def close(self) -> None:
        """Ends the connections; calls that still run fail."""
        await self._tender.stop()
        if self._session is not None:
            await self._session.close()
        self._upstreams = ()

    async def running(self) -> int:
        return self._running

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        """Closing the generator closes the connection, at which the server aborts the call."""
        if not self._upstreams:
            raise EngineDead("The engine is not running.")
        key = affinity_key(request, self._config.affinity_tokens)
        attempts = Attempts(self._upstreams, key, self._config)
        upstream = attempts.first()
        self._running += 1
        try:
            while True:
                began = False
                try:
                    async with aclosing(upstream.generate(request)) as deltas:
                        async for delta in deltas:
                            began = True
                            yield delta
                    return
                except EngineError as error:
                    if began:
                        raise
                    failure = error
                upstream = await attempts.after(failure)
        finally:
            self._running -= 1

    def _upstream(self, url: str, session: aiohttp.ClientSession) -> Upstream:
        return Upstream(url, self._config, session, self._encode, self._decode, self._tender.put_aside)

    async def _learn_all(self) -> None:
        failures = await asyncio.gather(*(self._learn(upstream) for upstream in self._upstreams))
        if all(failures):
            raise next(failure for failure in failures if failure is not None)

    async def _learn(self, upstream: Upstream) -> FlyballError | None:
        try:
            await upstream.learn()
        except ConfigError:
            raise
        except FlyballError as error:
            upstream.health.probe_failed()
            self._tender.put_aside(upstream)
            return error
        return None

    def _merge(self) -> None:
        known = [(up.served, up.dialect) for up in self._upstreams if up.served is not None and up.dialect is not None]
        self._abilities = merged_abilities(known, self._config)
