"""One interpreter on a rented machine."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

from e2b import NotFoundException, TimeoutException
from e2b_code_interpreter.models import Context, Execution, OutputMessage

from ....core.errors import SandboxError
from ...result import Status
from ..backend import OnOutput
from ..limits import Limits
from ..png import pixels
from ..printed import Outcome, Printed
from ..result import CellResult
from ..text import cut_middle
from .failures import FAILURES
from .machine import Machine

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_FLOOD = 16  # how many times what is kept of its output a cell may print


class _Flooded(Exception):
    """The cell prints without end."""


class E2bSession:
    """Runs cells one at a time. A cell that is late is interrupted and its variables stay, if the machine can be reached."""

    def __init__(self, machine: Machine, context: Context, limits: Limits) -> None:
        self._machine = machine
        self._context = context
        self._limits = limits
        self._busy = asyncio.Lock()
        self._closed = False

    @property
    def alive(self) -> bool:
        """Whether it takes another cell."""
        return not self._closed and self._machine.alive

    def memory_bytes(self) -> int:
        """None of this machine's."""
        return 0

    async def run(self, code: str, timeout: float = 30.0, on_output: OnOutput | None = None) -> CellResult:
        """Runs a cell for at most `timeout` seconds. Errors: SandboxError when the session has ended before."""
        async with self._busy:
            if not self.alive:
                raise SandboxError("the session has ended")
            printed = Printed(self._limits.output_chars, on_output)
            try:
                outcome = await self._execute(code, timeout, printed)
            except BaseException:  # cancelled, or the listener raised: no cell goes on unwatched
                await asyncio.shield(asyncio.ensure_future(self.close()))
                raise
            return printed.result(outcome, session_lost=not self.alive)

    async def close(self) -> None:
        """Ends the interpreter; the machine stays for others."""
        if not self._closed:
            self._closed = True
            self._machine.sessions -= 1
            await self._machine.remove_context(self._context)

    async def _execute(self, code: str, timeout: float, printed: Printed) -> Outcome:
        room = _FLOOD * self._limits.output_chars

        def hear(stream: str, message: OutputMessage) -> None:
            nonlocal room
            room -= len(message.line)
            if room < 0:
                raise _Flooded
            printed.add(stream, message.line)

        try:
            async with asyncio.timeout(timeout + 1):  # the service has been seen not to keep to its own
                execution = await self._machine.sandbox.run_code(
                    code,
                    context=self._context,
                    timeout=timeout,
                    on_stdout=lambda message: hear("stdout", message),
                    on_stderr=lambda message: hear("stderr", message),
                )
        except (TimeoutException, TimeoutError):
            return await self._late(timeout)
        except _Flooded:
            return Outcome(Status.USER_ERROR, error="stopped: it printed too much")
        except NotFoundException:
            await self.close()
            return Outcome(Status.INFRA, error="the session has ended")
        except FAILURES as error:  # 429 and 503 among them: the variables are there for another try
            return Outcome(Status.INFRA, error=f"the machine could not be asked: {error}")
        except (
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
        ):  # what the client raises at answers of a wrong form
            await self.close()
            return Outcome(Status.USER_ERROR, error="the session was ended: its answer cannot be read")
        self._machine.heeded()
        return self._outcome(execution)

    async def _late(self, timeout: float) -> Outcome:
        if await self._machine.was_late():
            return Outcome(Status.TIMEOUT, error=f"stopped after {timeout:g} s")
        return Outcome(Status.INFRA, error="the machine is gone")

    def _outcome(self, execution: Execution) -> Outcome:
        images = self._images(execution)
        if execution.error is None:
            text = execution.text
            return Outcome(
                Status.OK, None if text is None else cut_middle(str(text), self._limits.value_chars), images=images
            )
        told = _COLOURS.sub("", str(execution.error.traceback))
        status = Status.OOM if execution.error.name == "MemoryError" else Status.USER_ERROR
        return Outcome(status, error=cut_middle(told, self._limits.value_chars), images=images)

    def _images(self, execution: Execution) -> tuple[bytes, ...]:
        """Its pictures, but for what is none, and what goes beyond a limit."""
        images: list[bytes] = []
        for result in execution.results:
            try:
                image = base64.b64decode(result.png or "")
                small = pixels(image) <= self._limits.image_pixels
            except (ValueError, TypeError, binascii.Error):
                continue
            if small and sum(map(len, images)) + len(image) <= self._limits.image_bytes:
                images.append(image)
        return tuple(images[: self._limits.images])
