"""Few machines, many sessions, one tenant per machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

from e2b import SandboxQuery
from e2b_code_interpreter import AsyncSandbox

from ....core.errors import SandboxError
from ..config import SandboxConfig
from ..tiers import Tier
from .config import E2bConfig
from .failures import FAILURES, as_sandbox_error
from .machine import Machine
from .session import E2bSession

_HOST = "flyball_host"
_PROCESS = "flyball_process"


class E2bBackend:
    """Rents machines as sessions are asked for."""

    tier = Tier.E2B
    bounded_by = "machine"
    modules = ("numpy", "pandas", "matplotlib")  # what the service's machine has, by its documentation

    def __init__(self, config: SandboxConfig) -> None:
        self._limits = config.limits
        self._config = config.e2b
        self._machines: list[Machine] = []
        self._placing = asyncio.Lock()

    @classmethod
    async def start(cls, config: SandboxConfig) -> E2bBackend:
        """Gives back what a killed server left, and is ready. Errors: SandboxError."""
        await reap(config.e2b)
        return cls(config)

    async def create(self, tenant: str = "") -> E2bSession:
        """A session on a machine of that tenant. Errors: SandboxError where there is no machine to be had."""
        machine = await self._place(tenant)
        try:
            return E2bSession(machine, await machine.new_context(), self._limits)
        except BaseException:
            machine.sessions -= 1
            raise

    async def close(self) -> None:
        """Gives every machine back."""
        await asyncio.gather(*(machine.kill() for machine in self._machines))

    async def _place(self, tenant: str) -> Machine:
        """A machine with room for that tenant, on which one session more is counted already."""
        async with self._placing:
            for machine in self._machines:
                if machine.tenant == tenant and machine.has_room and await self._stays(machine):
                    break
            else:
                machine = await self._rent(tenant)
            machine.sessions += 1
            return machine

    async def _stays(self, machine: Machine) -> bool:
        """Whether it will be there: a machine without sessions may have run out of time."""
        if machine.sessions:
            return True
        try:
            await machine.sandbox.set_timeout(
                self._config.machine_seconds, request_timeout=self._config.request_seconds
            )
        except FAILURES:
            await machine.kill()
        return machine.alive

    async def _rent(self, tenant: str) -> Machine:
        self._machines = [machine for machine in self._machines if machine.alive]
        if len(self._machines) >= self._config.machines:
            idle = next((machine for machine in self._machines if not machine.sessions), None)
            if idle is None:
                raise SandboxError(f"all {self._config.machines} machines are in use")
            await idle.kill()
            self._machines.remove(idle)
        machine = await Machine.rent(tenant, {_HOST: socket.gethostname(), _PROCESS: str(os.getpid())}, self._config)
        self._machines.append(machine)
        return machine


async def reap(config: E2bConfig) -> int:
    """Gives back machines of servers that ran on this host and are gone; returns how many. Errors: SandboxError."""
    reaped = 0
    with as_sandbox_error("asking for left machines"):
        pages = AsyncSandbox.list(
            query=SandboxQuery(metadata={_HOST: socket.gethostname()}),
            api_key=config.api_key,
            domain=config.domain,
            request_timeout=config.request_seconds,
        )
        while pages.has_next:
            for found in await pages.next_items():
                if not _lives(found.metadata.get(_PROCESS, "")):
                    await AsyncSandbox.kill(found.sandbox_id, api_key=config.api_key, domain=config.domain)
                    reaped += 1
    return reaped


def _lives(process: str) -> bool:
    with contextlib.suppress(ValueError, ProcessLookupError):
        os.kill(int(process), 0)
        return True
    return False
