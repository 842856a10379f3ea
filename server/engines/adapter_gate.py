"""Keeps requests of the base model and of LoRA adapters out of one batch, where mixing them gives wrong results."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class AdapterGate:
    """Lets either base calls or adapter calls run, never both; whoever waits longest goes next.

    On a CPU vLLM applies the last LoRA slot to base requests of the same batch (vllm#48421), without a word.
    """

    def __init__(self) -> None:
        self._running = 0
        self._adapters = False
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def turn(self, adapter: bool) -> AsyncIterator[None]:
        """Wait until calls of this kind may run, and hold the gate for them."""
        if self._waiting or (self._running and self._adapters is not adapter):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((adapter, waiter))
            try:
                await waiter
            except asyncio.CancelledError:
                self._give_up((adapter, waiter))
                raise
        else:
            self._enter(adapter)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, adapter: bool) -> None:
        self._running += 1
        self._adapters = adapter

    def _leave(self) -> None:
        self._running -= 1
        if self._running == 0:
            self._admit()

    def _give_up(self, entry: tuple[bool, asyncio.Future[None]]) -> None:
        if entry in self._waiting:
            self._waiting.remove(entry)
        elif not entry[1].cancelled():
            self._leave()

    def _admit(self) -> None:
        """Let in the longest waiting, and those of its kind right behind it."""
        while self._waiting and (self._running == 0 or self._waiting[0][0] is self._adapters):
            adapter, waiter = self._waiting.popleft()
            if not waiter.cancelled():
                self._enter(adapter)
                waiter.set_result(None)
