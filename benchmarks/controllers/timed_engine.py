"""An engine that notes when each of its tokens came out."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from flyball.core.chat_format import ChatFormat
from flyball.core.engine import Abilities, Delta, Engine, EngineRequest

Emitted = list[tuple[float, str]]
"""Deltas of one call: when, and their text."""


class TimedEngine:
    """Meets `Engine`: passes everything on to another one. `calls` has what came out, by the call's id."""

    def __init__(self, inner: Engine, format: ChatFormat) -> None:
        self._inner, self._format = inner, format
        self.calls: dict[str, Emitted] = {}

    @property
    def abilities(self) -> Abilities:
        return self._inner.abilities

    @property
    def alive(self) -> bool:
        return self._inner.alive

    async def start(self) -> None:
        await self._inner.start()

    async def close(self) -> None:
        await self._inner.close()

    async def running(self) -> int:
        return await self._inner.running()

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        """One call."""
        emitted = self.calls.setdefault(request.request_id, [])
        text = self._format.text_stream()
        async with aclosing(self._inner.generate(request)) as deltas:
            async for delta in deltas:
                emitted.append((time.perf_counter(), text.feed(delta.ids)))
                yield delta
