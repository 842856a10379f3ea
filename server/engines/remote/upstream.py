"""One remote server: what it understands, how it fares, the calls it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import aiohttp

from ....core.engine import GRAMMAR, Delta, EngineRequest
from ....core.errors import EngineDead, EngineError, RequestError, UpstreamError, UpstreamUnreachable
from . import probe
from .body import Decode, completion_body
from .config import RemoteConfig
from .deltas import DeltaReader, Encode
from .dialect import Dialect
from .errors import NO_STATUS
from .health import Health
from .http import HttpServer

logger = logging.getLogger(__name__)

PROBE_S = 60.0
"""For all probes of one server together; a first request may make it compile."""


class Upstream:
    """Serves calls, and keeps count of them and of its failures. `put_aside` is called when it begins to fail."""

    def __init__(
        self,
        url: str,
        config: RemoteConfig,
        session: aiohttp.ClientSession,
        encode: Encode,
        decode: Decode,
        put_aside: Callable[[Upstream], None],
    ) -> None:
        self.url = url
        self.health = Health(config.aside_s, config.aside_max_s)
        self.in_flight = 0
        self.served: probe.Served | None = None
        self.dialect: Dialect | None = None
        self._config = config
        self._server = HttpServer(url, config, session)
        self._encode = encode
        self._decode = decode
        self._put_aside = put_aside

    async def learn(self) -> Dialect:
        """Asks what the server serves and, the first time, how it speaks. Errors: EngineError, ConfigError."""
        self.served = await probe.served(self._server, self._config.model)
        if self.dialect is None:
            try:
                async with asyncio.timeout(PROBE_S):
                    self.dialect = await probe.dialect(self._server, self.served.model, self._encode)
            except TimeoutError:
                raise UpstreamUnreachable(f"The remote engine did not answer probes within {PROBE_S:g} s.") from None
        return self.dialect

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        """Runs a call. Errors: those of the engine protocol."""
        self.in_flight += 1
        try:
            reader, reads = await self._open(request)
            async with aclosing(reads):
                try:
                    async for events in reads:
                        delta = reader.feed(events)
                        if delta is not None:
                            self._worked()
                            yield delta
                except EngineError:
                    if not reader.finished:
                        raise
            last = reader.last()
            self._worked()
            yield last
        except RequestError as error:
            if error.param is not None or request.sampling.grammar is None:
                raise
            raise RequestError(str(error), GRAMMAR, error.code) from error
        except EngineError as error:
            self._failed(error)
            raise
        finally:
            self.in_flight -= 1

    async def _open(self, request: EngineRequest) -> tuple[DeltaReader, AsyncGenerator[list[bytes]]]:
        dialect = self.dialect or await self.learn()
        assert self.served is not None
        body = completion_body(request, dialect, self.served.model, self._decode, self._config.priority)
        reader = DeltaReader(request.sampling, None if dialect.ids_out else self._encode)
        return reader, self._server.events(probe.COMPLETIONS, body, request.request_id)

    def _worked(self) -> None:
        if self.health.failures:
            self.health.call_worked()

    def _failed(self, error: EngineError) -> None:
        answered = isinstance(error, UpstreamError) and error.status != NO_STATUS
        if isinstance(error, EngineDead) or (isinstance(error, UpstreamError) and error.status < 500):
            return
        if self.health.call_failed(hard=not answered):
            logger.warning("Remote engine %s is put aside: %s", self.url, error)
            self._put_aside(self)
