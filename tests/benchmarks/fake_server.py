"""A server of fixed answers, for the load generator."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class FakeServer:
    """Sends the same pieces to every request, and keeps the bodies it got.

    It answers nobody until `together` requests are waiting: proof that so many are in flight at once.
    """

    pieces: Sequence[bytes]
    together: int = 1
    keep_alive: bool = True
    port: int = 0
    bodies: list[dict[str, object]] = field(default_factory=list)
    connections: int = 0
    _waiting: int = 0
    _gate: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeServer"]:
        """Listen on a free port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer) and self.keep_alive:
                pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        except asyncio.IncompleteReadError:
            return False
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.bodies.append(json.loads(await reader.readexactly(length)))
        await self._until_together()
        for piece in self.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return True

    async def _until_together(self) -> None:
        self._waiting += 1
        if self._waiting >= self.together:
            self._gate.set()
        await self._gate.wait()


def plain(tokens: int, status: str = "200 OK") -> list[bytes]:
    """A whole answer of so many tokens."""
    body = json.dumps({"choices": [{"message": {"content": "x"}}], "usage": {"completion_tokens": tokens}}).encode()
    return [f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body]


def stream(tokens: int, text: str = "x") -> list[bytes]:
    """An event stream: a role, one event for each token, a usage, in chunks that do not end where events end."""
    role = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    delta = json.dumps({"choices": [{"delta": {"content": text}}]}, separators=(",", ":"))
    said = f"data: {delta}\n\n".encode() * tokens
    usage = f'data: {{"choices":[],"usage":{{"completion_tokens":{tokens}}}}}\n\ndata: [DONE]\n\n'.encode()
    events = role + said + usage
    cut = [events[start : start + 37] for start in range(0, len(events), 37)]
    chunks = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in cut]
    return [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n"]
