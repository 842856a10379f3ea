"""Sessions by key, so that the calls of one conversation find the variables of the calls before."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace

from ...core.errors import SandboxError
from ..result import Status
from .backend import Backend, CellSession, OnOutput
from .metrics import Metrics
from .result import CellResult


@dataclass
class _Entry:
    """What belongs to one key."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    """Calls that run or wait; above 0, the entry is not evicted."""
    session: CellSession | None = None
    memory_bytes: int = 0
    expiry: asyncio.TimerHandle | None = None


@dataclass(frozen=True)
class Retention:
    """How long sessions without a running cell are kept."""

    idle_seconds: float = 600.0
    """A session that was idle for so long is ended."""
    sessions: int = 256
    """Keys with a session at once; for another, the one that was idle longest is ended."""
    memory_mib: int = 4096
    """Memory of all idle sessions together, in MiB; above it, those that were idle longest are ended."""


class Sessions:
    """Runs cells under a key, which has at most one session; the cells of one key run one after the other.

    A key belongs to whoever made it: the caller puts the client into it, so that none reaches another's. `tenant_of`
    tells whose a key is: on tier e2b the keys of one tenant share a machine, and by default each key is a tenant.

    Example: after `run("a", "x = 1")`, `run("a", "x")` gives "1" and `run("b", "x")` a NameError.
    """

    def __init__(
        self, backend: Backend, retention: Retention | None = None, tenant_of: Callable[[str], str] = str
    ) -> None:
        self.backend = backend
        self.metrics = Metrics()
        self._tenant_of = tenant_of
        self._retention = retention or Retention()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the one that was idle longest first
        self._closing: set[asyncio.Task[None]] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    async def run(self, key: str, code: str, timeout: float = 30.0, on_output: OnOutput | None = None) -> CellResult:
        """Runs a cell in the key's session, starting one if there is none; that the result says.

        A failure of the sandbox is a result too, `infra`. Cancelling it ends the session.
        """
        entry = await self._enter(key)
        if entry is None:
            self.metrics.sessions_refused += 1
            return CellResult(Status.INFRA, error="every session is busy; try again later")
        try:
            async with entry.lock:
                return await self._counted(self._run(key, entry, code, timeout, on_output))
        except SandboxError as error:
            return CellResult(Status.INFRA, error=str(error), session_lost=True)
        finally:
            self._leave(key, entry)

    def memory(self) -> dict[str, int]:
        """Bytes of each key's session, after its last cell."""
        return {key: entry.memory_bytes for key, entry in self._entries.items()}

    async def close(self, key: str) -> None:
        """Ends the key's session, also in the middle of a cell; does nothing if it has none."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            await self._end(entry)

    async def close_all(self) -> None:
        """Ends every session."""
        await asyncio.gather(*(self.close(key) for key in list(self._entries)), *self._closing)

    async def _counted(self, cell: Coroutine[None, None, CellResult]) -> CellResult:
        self.metrics.cells_running += 1
        try:
            result = await cell
        finally:
            self.metrics.cells_running -= 1
        self.metrics.cells[result.status] += 1
        self.metrics.cell_seconds += result.seconds
        self.metrics.sessions_lost += result.session_lost
        return result

    async def _run(self, key: str, entry: _Entry, code: str, timeout: float, on_output: OnOutput | None) -> CellResult:
        fresh = entry.session is None or not entry.session.alive
        if entry.session is None or fresh:
            entry.session = await self._start(key)
        result = await entry.session.run(code, timeout, on_output)
        entry.memory_bytes = entry.session.memory_bytes()
        return replace(result, new_session=fresh)

    async def _start(self, key: str) -> CellSession:
        try:
            session = await self.backend.create(self._tenant_of(key))
        except SandboxError:
            self.metrics.sessions_refused += 1
            raise
        self.metrics.sessions_started += 1
        return session

    async def _enter(self, key: str) -> _Entry | None:
        if key not in self._entries:
            if len(self._entries) >= self._retention.sessions and not await self._evict_one():
                return None
            self._entries.setdefault(key, _Entry())
        entry = self._entries[key]
        entry.users += 1
        if entry.expiry is not None:
            entry.expiry.cancel()
        return entry

    def _leave(self, key: str, entry: _Entry) -> None:
        entry.users -= 1
        if entry.users:
            return
        if self._entries.get(key) is not entry:  # its key was closed meanwhile, perhaps before there was a session
            self._later(self._end(entry))
            return
        if entry.session is None or not entry.session.alive:
            del self._entries[key]
            return
        self._entries.move_to_end(key)
        entry.expiry = asyncio.get_running_loop().call_later(self._retention.idle_seconds, self._evict, key)
        self._keep_to_memory()

    def _keep_to_memory(self) -> None:
        idle = [(key, entry) for key, entry in self._entries.items() if not entry.users]
        taken = sum(entry.memory_bytes for _, entry in idle)
        for key, entry in idle:
            if taken <= self._retention.memory_mib << 20:
                return
            taken -= entry.memory_bytes
            self._evict(key)

    async def _evict_one(self) -> bool:
        """Ends the session that was idle longest, and waits for its end; False if none is idle."""
        idle = next((key for key, entry in self._entries.items() if not entry.users), None)
        if idle is None:
            return False
        self.metrics.sessions_evicted += 1
        await self.close(idle)
        return True

    def _evict(self, key: str) -> None:
        self.metrics.sessions_evicted += 1
        self._later(self._end(self._entries.pop(key)))

    def _later(self, ending: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(ending)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self, entry: _Entry) -> None:
        if entry.expiry is not None:
            entry.expiry.cancel()
        if entry.session is not None:
            await entry.session.close()
