"""Tier Monty: an interpreter for a part of Python, in worker processes of its own. Needs the package pydantic-monty."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ...core.errors import SandboxError
from ..result import Status
from .backend import OnOutput
from .config import SandboxConfig
from .limits import Limits
from .printed import Outcome, Printed
from .result import CellResult
from .text import cut_middle
from .tiers import Tier

if TYPE_CHECKING:
    from pydantic_monty import AsyncMonty, AsyncMontySession, MontyError

_WORKER_BYTES = 9 << 20  # measured


class MontyBackend:
    """A pool of workers; each session has one to itself."""

    tier = Tier.MONTY
    bounded_by = "interpreter"
    modules: tuple[str, ...] = ()

    def __init__(self, pool: AsyncMonty, config: SandboxConfig) -> None:
        self._pool = pool
        self._config = config

    @classmethod
    async def start(cls, config: SandboxConfig) -> MontyBackend:
        """A pool that runs. Errors: SandboxError where the package or its worker program is missing."""
        try:
            from pydantic_monty import AsyncMonty
        except ImportError as error:
            raise SandboxError(f"the package pydantic-monty does not load: {error}") from error
        pool = AsyncMonty(max_processes=config.max_sessions, checkout_timeout=config.start_seconds)
        try:
            await pool.__aenter__()
        except (RuntimeError, OSError) as error:
            raise SandboxError(f"Monty's worker does not start: {error}") from error
        return cls(pool, config)

    async def create(self, tenant: str = "") -> MontySession:
        """A session of its own worker. Errors: SandboxError when none becomes free."""
        limits = self._config.limits
        worker = self._pool.checkout(limits={"max_memory": limits.memory_mib << 20}, print_flush_interval=0)
        try:
            await worker.__aenter__()
        except (TimeoutError, RuntimeError, OSError) as error:
            raise SandboxError(f"no worker of Monty's is free: {error}") from error
        return MontySession(worker, limits)

    async def close(self) -> None:
        """Ends every worker."""
        await self._pool.__aexit__(None, None, None)


class MontySession:
    """Runs cells one at a time. A cell that is out of time costs its session, as Monty's state is undefined then."""

    def __init__(self, worker: AsyncMontySession, limits: Limits) -> None:
        self._worker = worker
        self._limits = limits
        self._busy = asyncio.Lock()
        self.alive = True

    @property
    def worker_pid(self) -> int | None:
        """The process that it has to itself."""
        return self._worker.worker_pid

    def memory_bytes(self) -> int:
        """What a worker takes at least; more is not known."""
        return _WORKER_BYTES

    async def run(self, code: str, timeout: float = 30.0, on_output: OnOutput | None = None) -> CellResult:
        """Runs a cell for at most `timeout` seconds. Errors: SandboxError when the session has ended before."""
        async with self._busy:
            if not self.alive:
                raise SandboxError("the session has ended")
            printed = Printed(self._limits.output_chars, _heard_in(asyncio.get_running_loop(), on_output))
            try:
                outcome = await self._feed(code, timeout, printed)
            except asyncio.CancelledError:
                await self.close()
                raise
            return printed.result(outcome, session_lost=not self.alive)

    async def close(self) -> None:
        """Gives the worker back, or ends it in the middle of a cell."""
        if self.alive:
            self.alive = False
            with contextlib.suppress(RuntimeError):  # a worker that was cancelled has been given back already
                await self._worker.__aexit__(None, None, None)

    async def _feed(self, code: str, timeout: float, printed: Printed) -> Outcome:
        from pydantic_monty import MontyCrashedError, MontyError

        def listen(stream: Literal["stdout", "stderr"], text: str) -> None:
            printed.add(stream, text)

        try:
            async with asyncio.timeout(timeout):
                value = await self._worker.feed_run(code, print_callback=listen)
        except TimeoutError:
            await self.close()
            return Outcome(Status.TIMEOUT, error=f"stopped after {timeout:g} s")
        except MontyCrashedError as error:
            await self.close()
            return Outcome(Status.INFRA, error=str(error))
        except MontyError as error:
            return Outcome(_status(error), error=cut_middle(_told(error), self._limits.value_chars))
        return Outcome(Status.OK, None if value is None else cut_middle(_shown(value), self._limits.value_chars))


def _heard_in(loop: asyncio.AbstractEventLoop, on_output: OnOutput | None) -> OnOutput | None:
    """Monty prints from another thread than the listener's."""
    if on_output is None:
        return None
    return lambda stream, text: loop.call_soon_threadsafe(partial(on_output, stream, text))


def _status(error: MontyError) -> Status:
    return Status.OOM if isinstance(error.exception(), MemoryError) else Status.USER_ERROR


def _told(error: MontyError) -> str:
    display = getattr(error, "display", None)  # not every kind has a traceback
    return str(error if display is None else display())


def _shown(value: Any) -> str:
    """The value as Python shows it; it came from the session as plain data, which may be too long or too deep for that."""
    try:
        return repr(value)
    except (ValueError, RecursionError) as error:
        return f"a value that cannot be shown: {error}"
