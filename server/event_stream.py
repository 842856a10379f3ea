"""A server-sent event stream that notices when its client leaves, and says that it lives while there is nothing to send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .errors import problem_of

T = TypeVar("T")
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"

_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class ClientGone(Exception):
    """The client has closed its connection."""


async def until_gone(receive: Receive) -> None:
    """Return once the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """The result of `work`; when the client leaves first, `work` is cancelled. Errors: ClientGone, those of `work`."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(until_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        await _stop(working, leaving)


async def _stop(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class EventStream(Response):
    """Sends events as they come.

    Until the first one nothing is sent, so that an error before it is a plain response; unless it takes longer than
    `keep_alive` seconds. An error after that is an event, and `failed` is told of it, for the log.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes],
        keep_alive: float,
        headers: Mapping[str, str],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.status_code = 200
        self.background = None
        self._events, self._keep_alive, self._failed = events, keep_alive, failed
        self.init_headers(_HEADERS | dict(headers))
        self._begun = False
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        pumping = asyncio.create_task(self._pump(send))
        leaving = asyncio.create_task(until_gone(receive))
        try:
            while not (pumping.done() or leaving.done()):
                wait = max(0.001, self._sent_at + self._keep_alive - loop.time())
                done, _ = await asyncio.wait({pumping, leaving}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                if not done and loop.time() - self._sent_at >= self._keep_alive:
                    await self._send(send, KEEP_ALIVE)
            if pumping.done():
                pumping.result()
        finally:
            await _stop(pumping, leaving)

    async def _pump(self, send: Send) -> None:
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    await self._send(send, event)
        except Exception as error:  # the boundary to a client that already has its 200
            if not self._begun:
                raise
            self._failed(error)
            await self._send(send, b"data: " + problem_of(error).encoded() + b"\n\n")
        await self._send(send, DONE, last=True)

    async def _send(self, send: Send, data: bytes, last: bool = False) -> None:
        if not self._begun:
            self._begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._sent_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": data, "more_body": not last})
