"""The host's end of a session's connection."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import cast

from .messages import Breach
from .wire import FrameBuffer, FrameTooLong, frame

_GREETING = 1 << 16  # bytes that a session may send before its first cell: that its wall stands, or why not


class Connection(asyncio.Protocol):
    """Takes whole bodies from a session, and nothing beyond what it was allowed to send.

    While no cell runs a session may send nothing at all: what came then would be taken for the answer to the next cell.
    """

    def __init__(self, most: int) -> None:
        self._incoming = FrameBuffer(most)
        self._bodies: deque[bytes] = deque()
        self._allowance = _GREETING
        self._breach: str | None = None
        self._ended = False
        self._news = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def over(cls, end: socket.socket, most: int) -> Connection:
        """A connection over a connected socket, which it owns from now on; bodies of at most that many bytes."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(lambda: cls(most), sock=end)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with bytes as they come."""
        self._allowance -= len(data)
        if self._allowance < 0:
            self._stop("it sent more than a reply can take, or while it had nothing to reply to")
            return
        self._incoming.feed(data)
        try:
            while (body := self._incoming.take()) is not None:
                self._bodies.append(body)
        except FrameTooLong as error:
            self._stop(str(error))
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when the session has gone, or was sent away."""
        self._ended = True
        self._news.set()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended or self._breach is not None

    def allow(self, most: int) -> None:
        """From now on the session may send this many bytes. Errors: Breach if it has sent any before being asked."""
        if self._breach is None and (self._bodies or not self._incoming.empty):
            self._stop("it sent more than its reply")
        if self._breach is not None:
            raise Breach(self._breach)
        self._allowance = most

    def send(self, body: bytes) -> None:
        """Sends a body; to a session that has gone it is lost."""
        assert self._transport is not None
        self._transport.write(frame(body))

    async def receive(self) -> bytes:
        """The next body. Errors: Breach; EOFError when the session has gone."""
        while not self._bodies:
            if self._breach is not None:
                raise Breach(self._breach)
            if self._ended:
                raise EOFError
            self._news.clear()
            await self._news.wait()
        return self._bodies.popleft()

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.abort()

    def _stop(self, breach: str) -> None:
        self._breach = breach
        self._news.set()
        self.close()
