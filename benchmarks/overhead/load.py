"""A load generator small enough to share two cores with the server it measures.

Each worker holds one keep-alive connection and sends the next body when the last answer ended (a closed loop). Answers
are parsed by llhttp; of a server-sent-event stream only the first text and the final usage are looked at.
"""

import asyncio
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import httptools

_TEXT = re.compile(
    rb'"(?:content|reasoning|reasoning_content|text)"\s*:\s*'
    rb'"(?:<think>| |\\[nrt])*(?!<think>)(?:[^"\\ ]|\\[^nrt])(?:[^"\\]|\\.)*"'
)
"""Text that somebody reads: some servers send `<think>` and the line break behind it, some leave them out."""
_USAGE = re.compile(rb'"completion_tokens"\s*:\s*(\d+)')
_EVENT = b"data:"
_TAIL = 4096  # the usage is at the end of a stream: bytes kept of it


class LoadError(RuntimeError):
    """A server answered with something that a benchmark must not count."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go."""

    host: str
    port: int
    path: str = "/v1/chat/completions"
    key: str = "sk-benchmark"

    def request(self, body: bytes) -> bytes:
        """The whole HTTP request that carries a body."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(slots=True)
class Sample:
    """One request as the client saw it; times in seconds since the run began."""

    start: float
    first: float | None = None
    end: float = 0.0
    tokens: int | None = None
    events: int = 0

    @property
    def latency(self) -> float:
        """Seconds from sending the request to the last byte."""
        return self.end - self.start

    @property
    def ttft(self) -> float | None:
        """Seconds from sending the request to the first text that is not blank."""
        return None if self.first is None else self.first - self.start


@dataclass(slots=True)
class _Reply:
    sample: Sample
    streaming: bool
    done: asyncio.Future[None]
    status: int = 0
    head_complete: bool = False
    tail: bytearray = field(default_factory=bytearray)

    def body(self, data: bytes) -> None:
        seam = self.tail[-(len(_EVENT) - 1) :]
        self.tail += data
        if not self.streaming:
            return
        self.sample.events += (seam + data).count(_EVENT)
        if self.sample.first is None and _TEXT.search(self.tail):
            self.sample.first = time.perf_counter()
        if len(self.tail) > 4 * _TAIL:
            del self.tail[:-_TAIL]

    def finish(self) -> None:
        self.sample.end = time.perf_counter()
        counts = _USAGE.findall(self.tail)
        self.sample.tokens = int(counts[-1]) if counts else None
        if not self.done.done():
            self.done.set_result(None)


class _Connection(asyncio.Protocol):
    """One keep-alive connection; also the callbacks of its parser."""

    def __init__(self) -> None:
        self.reply: _Reply | None = None
        self.alive = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)  # uvloop's own classes are no subclasses of it
        self.alive = True
        self.parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        reply, self.reply = self.reply, None
        if reply is None or reply.done.done():
            return
        if reply.head_complete and exc is None:
            reply.finish()  # HTTP/1.0 without a length: the end of the connection ends the body
        else:
            reply.done.set_exception(LoadError(f"the server closed a connection before it answered: {exc}"))

    def on_headers_complete(self) -> None:
        assert self.reply is not None
        self.reply.status = self.parser.get_status_code()
        self.reply.head_complete = True

    def on_body(self, data: bytes) -> None:
        assert self.reply is not None
        self.reply.body(data)

    def on_message_complete(self) -> None:
        reply, self.reply = self.reply, None
        if reply is not None:
            reply.finish()
        if not self.parser.should_keep_alive():
            self.alive = False
            self.transport.close()

    async def send(self, request: bytes, reply: _Reply) -> None:
        self.reply = reply
        self.transport.write(request)
        await reply.done


async def drive(
    target: Target, bodies: Sequence[bytes], concurrency: int, *, streaming: bool, timeout: float = 300.0
) -> list[Sample]:
    """Send every body once, at most `concurrency` at a time, and return the samples in the order of their ends.

    Errors: LoadError, for the first request that failed and for a run that took too long.
    """
    samples: list[Sample] = []
    queue = iter(bodies)
    try:
        async with asyncio.timeout(timeout), asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(bodies))):
                group.create_task(_worker(target, queue, samples, streaming))
    except* (LoadError, OSError) as errors:
        raise LoadError(repr(errors.exceptions[0])) from None
    return samples


async def _worker(target: Target, queue: Iterator[bytes], samples: list[Sample], streaming: bool) -> None:
    loop = asyncio.get_running_loop()
    connection = _Connection()
    try:
        for body in queue:
            sample = Sample(time.perf_counter())
            if not connection.alive:
                _, connection = await loop.create_connection(_Connection, target.host, target.port)
            reply = _Reply(sample, streaming, loop.create_future())
            await connection.send(target.request(body), reply)
            if reply.status != 200:
                raise LoadError(f"status {reply.status}: {bytes(reply.tail[:400])!r}")
            samples.append(sample)
    finally:
        if connection.alive:
            connection.transport.close()


def check_tokens(samples: Iterable[Sample], expected: int) -> None:
    """Raise unless each answer reported exactly the expected number of tokens."""
    wrong = [sample.tokens for sample in samples if sample.tokens != expected]
    if wrong:
        raise LoadError(f"{len(wrong)} answers did not report {expected} tokens, for example {wrong[0]}")
