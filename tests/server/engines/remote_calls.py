"""How the tests of the `openai` engine make and read calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from flyball.core.engine import Delta, EngineRequest, Sampling
from flyball.server.engines.openai import OpenAIEngine, RemoteConfig

from .fake_upstream import FakeUpstream, decode, encode


@asynccontextmanager
async def engine_on(*fakes: FakeUpstream, **config: Any) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine(RemoteConfig(urls=tuple(fake.url for fake in fakes), **config), encode, decode)
    async with asyncio.timeout(10):
        await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


def request(text: str = "prompt", adapter: str | None = None, priority: int = 0, **sampling: Any) -> EngineRequest:
    chosen = Sampling(**{"max_tokens": 50, **sampling})
    return EngineRequest(request_id="call-1", ids=encode(text), sampling=chosen, adapter=adapter, priority=priority)


async def deltas(engine: OpenAIEngine, call: EngineRequest) -> list[Delta]:
    async with asyncio.timeout(10):
        return [delta async for delta in engine.generate(call)]


def ids(found: list[Delta]) -> list[int]:
    return [token for delta in found for token in delta.ids]
