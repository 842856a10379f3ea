"""A streaming client inside of the server's process: what it costs is the same for all arms, and there is no network."""

import asyncio
import json
import time
from typing import Any, NamedTuple

from fastapi import FastAPI
from starlette.types import Message


class Answered(NamedTuple):
    """One streamed response."""

    id: str
    thinking: list[tuple[float, str]]
    """Its pieces, and when each came."""
    tokens: int
    """Sampled ones that were kept."""
    edits: int


async def stream(app: FastAPI, body: dict[str, Any]) -> Answered:
    """Send a chat request and read its stream to the end. Errors: RuntimeError for another status than 200."""
    content = json.dumps(body | {"stream": True, "stream_options": {"include_usage": True}}).encode()
    pieces: list[tuple[float, bytes]] = []
    status: list[int] = []
    unread: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        if not unread:
            await asyncio.Event().wait()  # this client stays to the end
        return unread.pop()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])
        elif data := message.get("body"):
            pieces.append((time.perf_counter(), data))

    await app(_scope(content), receive, send)
    if status != [200]:
        raise RuntimeError(f"status {status}: {b''.join(data for _, data in pieces)[:300]!r}")
    return answered(pieces)


def answered(pieces: list[tuple[float, bytes]]) -> Answered:
    """What the events of a stream say."""
    id, thinking, tokens, edits = "", list[tuple[float, str]](), 0, 0
    for at, data in pieces:
        for line in data.splitlines():
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            id = event["id"]
            for choice in event["choices"]:
                if text := choice["delta"].get("reasoning"):
                    thinking.append((at, text))
            tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
            edits += len((event.get("flyball") or {}).get("acted", ()))
    return Answered(id, thinking, tokens, edits)


def _scope(content: bytes) -> dict[str, Any]:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/chat/completions",
        "raw_path": b"/v1/chat/completions",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("flyball.local", 80),
    }
