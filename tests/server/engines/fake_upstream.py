"""A small completions server on a loopback port that answers by script and keeps what it was asked.

Its tokeniser: a token is a character, its id the code point.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

PROBE_ID = "flyball-probe"
Kind = Literal["vllm", "sglang", "text"]


def encode(text: str) -> list[int]:
    return [ord(character) for character in text]


def decode(ids: Sequence[int]) -> str:
    return "".join(chr(token) for token in ids)


@dataclass
class Call:
    """One request to `/v1/completions` that was no probe."""

    body: dict[str, Any]
    headers: dict[str, str]
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has closed the connection while the call was held."""


@dataclass
class Hold:
    """Says nothing more until `until` is set or the client goes."""

    until: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class CutOff:
    """Resets the connection."""


Step = bytes | Hold | CutOff


@dataclass
class Answer:
    """What one call is answered: a status and body, or the steps of a stream."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    steps: Sequence[Step] | None = None
    drop: bool = False
    """Close the connection without a word."""
    before: Hold | None = None
    """Held before the status line."""


def event(chunk: dict[str, Any] | str) -> bytes:
    return f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}\n\n".encode()


def tokens(ids: Sequence[int], finish: str | None = None, **choice: Any) -> bytes:
    """A chunk with ids, as vLLM writes it."""
    fields = {"index": 0, "text": decode(ids), "token_ids": list(ids), "finish_reason": finish, **choice}
    return event({"id": "cmpl-1", "object": "text_completion", "choices": [fields]})


DONE = event("[DONE]")


class FakeUpstream:
    """`async with FakeUpstream() as fake`: listens; `fake.script` holds the next answers, then come plain ones."""

    def __init__(self, kind: Kind = "vllm", model: str = "m", context_length: int | None = 1000) -> None:
        self.kind = kind
        self.cards: list[dict[str, Any]] = [{"id": model, "max_model_len": context_length}]
        self.script: deque[Answer] = deque()
        self.always: Answer | None = None
        self.answer = "answer"
        self.calls: list[Call] = []
        self.probes: list[dict[str, Any]] = []
        self.model_requests = 0
        self.models_status = 200
        self.model_asked = asyncio.Event()
        self.connections = 0
        self.url = ""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()

    async def listen(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def shut(self) -> None:
        """Stops listening and resets every connection."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in head[1:] if ":" in line)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        if head[0].startswith("GET"):
            self.model_requests += 1
            self.model_asked.set()
            models = json.dumps({"object": "list", "data": self.cards}).encode()
            return await _respond(writer, Answer(self.models_status, models))
        body = json.loads(content)
        if headers.get("x-request-id") == PROBE_ID:
            self.probes.append(body)
            return await _stream(reader, writer, self.plain(body), None)
        call = Call(body, headers)
        self.calls.append(call)
        answer = self.script.popleft() if self.script else self.always or self.plain(body)
        return await _stream(reader, writer, answer, call)

    def plain(self, body: dict[str, Any]) -> Answer:
        """The answer of a server of this kind: `self.answer`, token by token, or what a regular expression asks."""
        if self.kind == "text" and not isinstance(body["prompt"], str):
            return Answer(400, b'{"error": {"message": "prompt must be a string", "param": "prompt"}}')
        text = self.answer
        if self.kind == "vllm" and "structured_outputs" in body:
            text = body["structured_outputs"].get("regex", "{}")
        elif self.kind == "sglang" and "regex" in body:
            text = body["regex"]
        ids = encode(text)[: body["max_tokens"]]
        finish = "stop" if len(ids) == len(text) else "length"
        steps: list[Step] = [
            self._chunk(body, token, finish if i == len(ids) - 1 else None) for i, token in enumerate(ids)
        ]
        usage = {"prompt_tokens": len(body["prompt"]), "prompt_tokens_details": {"cached_tokens": 3}}
        return Answer(steps=[*steps, event({"choices": [], "usage": usage}), DONE])

    def _chunk(self, body: dict[str, Any], token: int, finish: str | None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "text": chr(token), "finish_reason": finish}
        if self.kind != "text" and body.get("return_token_ids"):
            choice["token_ids"] = [token]
        if self.kind != "text" and "logprobs" in body:
            named = self.kind == "vllm" and body.get("return_tokens_as_token_ids")
            others = body.get("logprob_token_ids", [token + 1 + i for i in range(body["logprobs"])])
            top = {f"token_id:{t}" if named else chr(t): -1.0 - i for i, t in enumerate([token, *others])}
            choice["logprobs"] = {"tokens": list(top)[:1], "token_logprobs": [-1.0], "top_logprobs": [top]}
        return event({"choices": [choice]})


async def _stream(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, call: Call | None
) -> bool:
    if answer.before is not None and not await _held(reader, answer.before, call):
        return False
    if answer.drop:
        return False
    if answer.steps is None:
        return await _respond(writer, answer)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for step in answer.steps:
        if isinstance(step, CutOff):
            writer.transport.abort()
            return False
        if isinstance(step, Hold):
            if not await _held(reader, step, call):
                return False
        else:
            writer.write(b"%x\r\n%s\r\n" % (len(step), step))
            await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _held(reader: asyncio.StreamReader, hold: Hold, call: Call | None) -> bool:
    """Whether the client was still there when the hold ended."""
    hold.reached.set()
    ended = asyncio.ensure_future(reader.read(1))
    released = asyncio.ensure_future(hold.until.wait())
    await asyncio.wait([ended, released], return_when=asyncio.FIRST_COMPLETED)
    for waiting in (ended, released):
        waiting.cancel()
    await asyncio.wait([ended, released])
    if ended.cancelled():
        return True
    ended.exception()
    if call is not None:
        call.gone.set()
    return False


async def _respond(writer: asyncio.StreamWriter, answer: Answer) -> bool:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.body)), **answer.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {answer.status} Answer\r\n{lines}\r\n".encode() + answer.body)
    await writer.drain()
    return True
