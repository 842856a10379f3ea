"""The local sandbox: a zygote, and the sessions forked from it."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Self

from ...core.errors import SandboxError
from .bubblewrap import in_bubblewrap
from .cgroup import Cgroup, proven
from .config import SandboxConfig
from .jail.spec import JailSpec
from .process import SessionProcess
from .session import Session
from .tiers import Tier
from .watch import Watch, half_of_memory
from .zygote_process import ZygoteProcess

_BIRTHS_AT_ONCE = 16
_ZYGOTE_PROCESSES = 8  # more than a zygote has itself


class Sandbox:
    """Starts sessions on one tier, which it takes to hold: `open_sandbox` proves that first.

    Example:

        async with Sandbox(await best_tier(), SandboxConfig()) as sandbox:
            session = await sandbox.create()
            result = await session.run("6 * 7")   # result.value == "42"
    """

    def __init__(self, tier: Tier, config: SandboxConfig) -> None:
        self.tier = tier
        self.missing: tuple[str, ...] = ()
        """Modules that were to be preloaded and are not installed."""
        self.config = config
        in_jail = Tier.B if tier is Tier.BUBBLEWRAP else tier
        self._spec = JailSpec(in_jail, config.limits, config.preload, config.first_uid)
        self._around = in_bubblewrap if tier is Tier.BUBBLEWRAP else None
        self._zygote: ZygoteProcess | None = None
        self._closed = False
        self._starting = asyncio.Lock()
        self._births = asyncio.Semaphore(_BIRTHS_AT_ONCE)
        self._free = list(range(config.max_sessions))
        self._sessions: dict[int, Session] = {}
        self._memory_bytes = half_of_memory() if config.memory_mib is None else config.memory_mib << 20
        self.watch = Watch(self._sessions.values, self._memory_bytes)
        self._group: Cgroup | None = None
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def zygote_pid(self) -> int | None:
        """The process id of the zygote, None while there is none."""
        return self._zygote.pid if self._zygote is not None and self._zygote.alive else None

    @property
    def modules(self) -> tuple[str, ...]:
        """What a session finds loaded, once the zygote has started."""
        return tuple(name for name in self.config.preload if name not in self.missing)

    @property
    def bounded_by(self) -> str:
        """What keeps all sessions together to their memory: `cgroup`, or `watch` alone."""
        return "watch" if self._group is None else "cgroup"

    @property
    def live_sessions(self) -> int:
        """Sessions whose process has not ended."""
        return self.config.max_sessions - len(self._free)

    async def start(self) -> None:
        """Starts the zygote, unless it runs. Errors: SandboxError."""
        await self._running_zygote()
        if self._watching is None:
            self._watching = asyncio.create_task(self.watch.keep())

    async def close(self) -> None:
        """Ends every session and the zygote, for good."""
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(session.close() for session in list(self._sessions.values())))
        if self._zygote is not None:
            self._zygote.stop()
        if self._group is not None:
            await asyncio.to_thread(self._group.remove)

    async def create(self, tenant: str = "") -> Session:
        """A new session; all are kept from each other, whoever the tenant is. Errors: SandboxError when there are `max_sessions`, or it cannot be started."""
        if not self._free:
            raise SandboxError(f"the sandbox has its {self.config.max_sessions} sessions already")
        slot = self._free.pop()
        try:
            async with self._births:
                session = await self._start_session(slot)
        except BaseException:
            self._free.append(slot)
            raise
        return session

    async def _start_session(self, slot: int) -> Session:
        zygote = await self._running_zygote()
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise SandboxError(f"a session cannot be connected to: {error}") from error
        try:
            with theirs:
                process = await zygote.create(slot, theirs, self.config.start_seconds)
        except BaseException:
            ours.close()
            raise
        session = await Session.over(ours, process, self.config)
        self._sessions[slot] = session
        process.end.add_done_callback(lambda _: self._forget(slot, process))
        return session

    async def _running_zygote(self) -> ZygoteProcess:
        async with self._starting:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            if self._zygote is None or not self._zygote.alive:
                zygote = ZygoteProcess(self._spec, self._around)
                try:
                    await zygote.ready(self.config.start_seconds)
                    await self._bound(zygote)
                except BaseException:
                    zygote.stop()
                    raise
                self._zygote = zygote
                self.missing = tuple(zygote.missing)
            return self._zygote

    async def _bound(self, zygote: ZygoteProcess) -> None:
        """Puts the zygote, and with it all sessions, into their cgroup, if there is to be one."""
        if self.config.cgroup is None:
            return
        if self._group is None:
            threads = self.config.max_sessions * self.config.limits.threads + _ZYGOTE_PROCESSES
            self._group = await asyncio.to_thread(proven, self.config.cgroup, self._memory_bytes, threads)
        assert zygote.pid is not None
        self._group.take(zygote.pid)

    def _forget(self, slot: int, process: SessionProcess) -> None:
        process.release()
        del self._sessions[slot]
        self._free.append(slot)
