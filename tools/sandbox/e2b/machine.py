"""One rented machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid

from e2b_code_interpreter import AsyncSandbox
from e2b_code_interpreter.models import Context

from .config import E2bConfig
from .failures import FAILURES, as_sandbox_error

logger = logging.getLogger(__name__)

_BEATS_PER_LIFE = 3
_TIMEOUTS_TO_DEATH = 2


class Machine:
    """Holds sessions of one tenant; lives as long as it has any, and for `machine_seconds` after the last."""

    def __init__(self, sandbox: AsyncSandbox, tenant: str, config: E2bConfig) -> None:
        self.sandbox = sandbox
        self.tenant = tenant
        self.alive = True
        self.sessions = 0
        self._config = config
        self._timeouts = 0
        self._heart = asyncio.create_task(self._beat())

    @classmethod
    async def rent(cls, tenant: str, labels: dict[str, str], config: E2bConfig) -> Machine:
        """A new machine. Errors: SandboxError, also for 429 and 503 that retries did not get over."""
        with as_sandbox_error("renting a machine"):
            sandbox = await AsyncSandbox.create(
                template=config.template,
                timeout=config.machine_seconds,
                metadata=labels,
                allow_internet_access=config.internet,
                idempotency_key=str(uuid.uuid4()),
                api_key=config.api_key,
                domain=config.domain,
                request_timeout=config.request_seconds,
            )
        return cls(sandbox, tenant, config)

    @property
    def has_room(self) -> bool:
        """Whether it takes another session."""
        return self.alive and self.sessions < self._config.sessions_per_machine

    async def new_context(self) -> Context:
        """An interpreter of its own. Errors: SandboxError."""
        with as_sandbox_error("starting a session"):
            return await self.sandbox.create_code_context(request_timeout=self._config.request_seconds)

    async def remove_context(self, context: Context) -> None:
        """Ends an interpreter; a machine that cannot do so is given up."""
        if self.alive:
            try:
                await self.sandbox.remove_code_context(context)
            except FAILURES:
                await self.kill()

    def heeded(self) -> None:
        """A cell has come to its end."""
        self._timeouts = 0

    async def was_late(self) -> bool:
        """After a cell that gave no end: whether the machine lives, so that the code was slow.

        The second time in a row the machine is given up all the same: code that takes all of it makes it unreachable.
        """
        self._timeouts += 1
        try:
            running = bool(await self.sandbox.is_running(request_timeout=self._config.request_seconds))
        except FAILURES:
            running = False
        if not running or self._timeouts >= _TIMEOUTS_TO_DEATH:
            await self.kill()
        return running

    async def kill(self) -> None:
        """Gives it back, also when the caller is cancelled meanwhile."""
        if self.alive:
            self.alive = False
            self._heart.cancel()
            await asyncio.shield(asyncio.ensure_future(self._kill()))

    async def _kill(self) -> None:
        try:
            await self.sandbox.kill(request_timeout=self._config.request_seconds)
        except FAILURES as error:
            logger.warning("machine %s could not be ended, its lifetime will: %s", self.sandbox.sandbox_id, error)

    async def _beat(self) -> None:
        """Signs of life while there are sessions; without them the machine's time runs out."""
        while True:
            await asyncio.sleep(self._config.machine_seconds / _BEATS_PER_LIFE)
            if self.sessions:
                with contextlib.suppress(*FAILURES):  # the next one may arrive; if none does, cells will tell
                    await self.sandbox.set_timeout(
                        self._config.machine_seconds, request_timeout=self._config.request_seconds
                    )
