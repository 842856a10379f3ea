"""One session: a Python process behind the wall that keeps its variables from cell to cell."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import time
from dataclasses import replace

from ...core.errors import SandboxError
from ..result import Status
from .backend import OnOutput
from .config import SandboxConfig
from .connection import Connection
from .limits import Limits
from .messages import Breach, Done, Failed, Output, Rest, decode
from .png import pixels
from .process import SessionProcess
from .result import CellResult
from .text import cut_middle, join_cut

_STIRRING_SECONDS = 0.05  # processor time; the system counts it in hundredths
_END_SECONDS = 5.0  # how long the news of a process's end may take after its connection has ended


class Session:
    """Runs cells one at a time. Made by `Sandbox.create`."""

    def __init__(self, connection: Connection, process: SessionProcess, config: SandboxConfig) -> None:
        self._connection = connection
        self._process = process
        self._limits = config.limits
        self._grace_seconds = config.grace_seconds
        self._number = 0
        self._busy = asyncio.Lock()
        self._closed = False
        self._stopped = False
        self._at_rest: tuple[int, float] | None = None
        """The cell after which this session was seen idle, and the processor time that it had used by then."""

    @classmethod
    async def over(cls, end: socket.socket, process: SessionProcess, config: SandboxConfig) -> Session:
        """The session at the other end of a socket, once its wall stands. Errors: SandboxError."""
        connection = await Connection.over(end, config.limits.reply_bytes)
        session = cls(connection, process, config)
        try:
            async with asyncio.timeout(config.start_seconds):
                message = decode(await connection.receive())
            connection.allow(0)
        except (TimeoutError, EOFError, Breach) as error:
            await session.close()
            raise SandboxError(f"a session did not start: {error or 'it has ended'}") from error
        except asyncio.CancelledError:
            await session.close()
            raise
        if isinstance(message, Failed):
            await session.close()
            raise SandboxError(message.error)
        return session

    @property
    def alive(self) -> bool:
        """Whether it takes another cell."""
        return not self._closed and not self._connection.ended and not self._process.end.done()

    @property
    def pid(self) -> int:
        """Its process id on this machine."""
        return self._process.pid

    def memory_bytes(self) -> int:
        """Memory that it takes of its own, beyond what it shares with the zygote; files it has written not counted."""
        return self._process.grown_bytes()

    async def run(self, code: str, timeout: float = 30.0, on_output: OnOutput | None = None) -> CellResult:
        """Runs a cell, for at most `timeout` seconds and the grace that its interrupt gets.

        A second call waits for the first. Cancelling it ends the session. Errors: SandboxError when the session has
        ended before; what goes wrong in the cell is in the result.
        """
        if len(code) > self._limits.code_chars:
            return CellResult(Status.USER_ERROR, error=f"the code is longer than {self._limits.code_chars} characters")
        async with self._busy:
            if not self.alive:
                raise SandboxError("the session has ended")
            began = time.perf_counter()
            self._number += 1
            reply = _Reply(self._number, self._limits, on_output)
            try:
                result = await self._exchange(reply, code, timeout)
            except (Breach, EOFError) as error:
                result = reply.without_end(*await self._why_ended(error))
            except BaseException:  # cancelled, or `on_output` raised: no cell goes on unwatched
                await self.close()
                raise
            return replace(result, seconds=time.perf_counter() - began, session_lost=not self.alive)

    def still(self) -> bool:
        """Stops the process if it has worked since it was last seen idle after the same cell; whether it did."""
        if self._busy.locked() or self._stopped:
            return False
        used = self._process.cpu_seconds()
        seen = self._at_rest
        if seen is None or seen[0] != self._number:
            self._at_rest = (self._number, used)
            return False
        if used - seen[1] < _STIRRING_SECONDS:
            return False
        self._process.send(signal.SIGSTOP)
        self._stopped = True
        return True

    def kill(self) -> None:
        """Kills the process; a cell that runs ends as `oom`."""
        self._process.send(signal.SIGKILL)

    async def close(self) -> None:
        """Kills the process and waits for its end; does nothing the second time."""
        self._closed = True
        self._process.release()
        self._connection.close()
        await asyncio.wait([self._process.end], timeout=_END_SECONDS)

    async def _exchange(self, reply: _Reply, code: str, timeout: float) -> CellResult:
        self._connection.allow(self._limits.reply_bytes)
        if self._stopped:
            self._process.send(signal.SIGCONT)
            self._stopped = False
        self._connection.send(json.dumps({"id": reply.id, "nonce": reply.nonce, "code": code}).encode())
        try:
            async with asyncio.timeout(timeout):
                done = await self._until_done(reply)
        except TimeoutError:
            return await self._interrupt(reply, timeout)
        self._connection.allow(0)
        return reply.result(done)

    async def _interrupt(self, reply: _Reply, timeout: float) -> CellResult:
        self._process.send(signal.SIGINT)
        late = f"stopped after {timeout:g} s"
        try:
            async with asyncio.timeout(self._grace_seconds):
                done = await self._until_done(reply)
            self._connection.allow(0)
        except (TimeoutError, Breach, EOFError):
            await self.close()
            return reply.without_end(
                Status.TIMEOUT, f"{late}; its variables are lost, as it did not heed the interrupt"
            )
        return replace(reply.result(done), status=Status.TIMEOUT, value=None, error=late)

    async def _until_done(self, reply: _Reply) -> Done:
        while True:
            message = decode(await self._connection.receive())
            if not isinstance(message, Output | Done) or message.id != reply.id or message.nonce != reply.nonce:
                raise Breach("it answered what it was not asked")
            if isinstance(message, Done):
                return message
            reply.add(message)

    async def _why_ended(self, error: Exception) -> tuple[Status, str]:
        closed = self._closed
        if isinstance(error, Breach):
            await self.close()
            return Status.USER_ERROR, f"the session was ended: {error}"
        await asyncio.wait([self._process.end], timeout=self._grace_seconds)
        if not self._process.end.done():
            await self.close()
            return Status.USER_ERROR, "the session was ended: it has closed its connection"
        await self.close()
        status = self._process.end.result()
        if closed or status is None:
            return Status.INFRA, "the sandbox has ended the session"
        return _meaning(status)


def _meaning(wait_status: int) -> tuple[Status, str]:
    """What a session that ended by itself died of."""
    number = os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else 0
    if number == signal.SIGXCPU:
        return Status.TIMEOUT, "the session has used all of its processor time"
    if number == signal.SIGKILL:
        return Status.OOM, "the system has killed the session, for lack of memory or processor time"
    if number:
        return Status.USER_ERROR, f"the session has ended: {signal.strsignal(number)}"
    return Status.USER_ERROR, f"the session's process has ended with status {os.waitstatus_to_exitcode(wait_status)}"


class _Reply:
    """The answer to one cell as it grows."""

    def __init__(self, number: int, limits: Limits, on_output: OnOutput | None) -> None:
        self.id = number
        self.nonce = secrets.token_hex(8)
        self._limits = limits
        self._on_output = on_output
        self._heads: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._room = dict.fromkeys(self._heads, limits.output_chars // 2)

    def add(self, output: Output) -> None:
        """Takes what the cell printed."""
        self._room[output.stream] -= len(output.text)
        if self._room[output.stream] < 0:
            raise Breach("it sent more output than a cell may")
        self._heads[output.stream].append(output.text)
        if self._on_output is not None:
            self._on_output(output.stream, output.text)

    def result(self, done: Done) -> CellResult:
        """The whole answer, kept to the limits whatever the session claims."""
        self._check_pictures(done.images)
        return CellResult(
            status=Status(done.status),
            stdout=self._text("stdout", done.stdout),
            stderr=self._text("stderr", done.stderr),
            value=self._short(done.value),
            error=self._short(done.error),
            images=tuple(done.images),
        )

    def _check_pictures(self, pictures: list[bytes]) -> None:
        if len(pictures) > self._limits.images or sum(map(len, pictures)) > self._limits.image_bytes:
            raise Breach("it sent more pictures than it may")
        try:
            huge = any(pixels(picture) > self._limits.image_pixels for picture in pictures)
        except ValueError as error:
            raise Breach(f"it sent a picture, but {error}") from error
        if huge:
            raise Breach("it sent a picture larger than it may")

    def without_end(self, status: Status, error: str) -> CellResult:
        """What there is of the answer of a session that gave no end of it."""
        nothing = Rest(0, "")
        return CellResult(status, self._text("stdout", nothing), self._text("stderr", nothing), None, error)

    def _text(self, stream: str, rest: Rest) -> str:
        return cut_middle(join_cut("".join(self._heads[stream]), rest.cut, rest.tail), self._limits.output_chars + 64)

    def _short(self, text: str | None) -> str | None:
        return None if text is None else cut_middle(text, self._limits.value_chars + 64)
